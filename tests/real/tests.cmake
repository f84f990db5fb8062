# Whole-program tests against real servers, proxies and network faults. What is not installed is skipped, visibly.
foreach(module xrdp shadow weston proxy network)
  add_test(NAME real.${module} COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/real/run.py ${module}_test)
  set_tests_properties(real.${module} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 900
    ENVIRONMENT "RDPWHY_PROGRAM=$<TARGET_FILE:rdpwhy_program>")
endforeach()
