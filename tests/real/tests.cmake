# Whole-program tests against real servers, proxies and network faults. What is not installed is skipped, visibly.
foreach(module processes leaks tls_survey xrdp shadow nla session lab gnome credssp credssp_kerberos weston proxy network)
  add_test(NAME real.${module} COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/real/run.py ${module}_test)
  set_tests_properties(real.${module} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 900 COST 90
    ENVIRONMENT "RDPWHY_PROGRAM=$<TARGET_FILE:rdpwhy_program>")
endforeach()

# Kerberos alone, without a server around it: `kerberos_talk` is our client's Kerberos, and GSSAPI's acceptor.
rdpwhy_collect_rooms(net)
add_executable(kerberos_talk ${CMAKE_CURRENT_LIST_DIR}/kerberos_talk.cc ${objects})
target_include_directories(kerberos_talk PRIVATE ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src)
target_compile_definitions(kerberos_talk PRIVATE ASIO_DISABLE_STD_ALIGNED_ALLOC)  # as the room net
target_link_libraries(kerberos_talk PRIVATE rdpwhy_compile_options ${libraries} nlohmann_json::nlohmann_json)
add_test(NAME real.kerberos COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/real/run.py kerberos_test)
set_tests_properties(real.kerberos PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 300
  ENVIRONMENT "RDPWHY_PROGRAM=$<TARGET_FILE:rdpwhy_program>;RDPWHY_KERBEROS_TALK=$<TARGET_FILE:kerberos_talk>")

# NTLM alone: `ntlm_talk` is our half of it, gss-ntlmssp the other.
rdpwhy_collect_rooms(crypto)
add_executable(ntlm_talk ${CMAKE_CURRENT_LIST_DIR}/ntlm_talk.cc ${objects})
target_include_directories(ntlm_talk PRIVATE ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src)
target_link_libraries(ntlm_talk PRIVATE rdpwhy_compile_options ${libraries})
add_test(NAME real.ntlm COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/real/run.py ntlm_test)
set_tests_properties(real.ntlm PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 120
  ENVIRONMENT "RDPWHY_NTLM_TALK=$<TARGET_FILE:ntlm_talk>")
