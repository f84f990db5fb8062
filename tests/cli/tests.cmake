# The program from outside: exit codes, JSON against the schema, usage errors, odd files.
find_program(system_python NAMES python3 PATHS /usr/bin NO_DEFAULT_PATH REQUIRED)
foreach(suite usage replay probe logon tls jarm compare)
  add_test(NAME cli.${suite}
           COMMAND ${system_python} ${CMAKE_CURRENT_LIST_DIR}/${suite}_test.py $<TARGET_FILE:rdpwhy_program> ${CMAKE_SOURCE_DIR})
  set_tests_properties(cli.${suite} PROPERTIES TIMEOUT 600 SKIP_RETURN_CODE 77 LABELS outside COST 100)  # COST: those that wait begin first
endforeach()
