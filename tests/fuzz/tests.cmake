# One libFuzzer target per kind of octets that strangers give us. With RDPWHY_FUZZ they fuzz (tools/fuzz);
# in other builds the same targets replay past finds and our own captures as an ordinary test.
set(fuzz_folder ${CMAKE_CURRENT_SOURCE_DIR}/fuzz)
add_custom_target(fuzz_targets)

# rdpwhy_fuzz(NAME ROOMS … [SOURCES …]): fuzz/NAME_fuzz.cc with those rooms and what they use.
function(rdpwhy_fuzz name)
  cmake_parse_arguments(arg "" "" "ROOMS;SOURCES" ${ARGN})
  rdpwhy_collect_rooms(${arg_ROOMS})
  add_executable(fuzz_${name} ${fuzz_folder}/${name}_fuzz.cc ${arg_SOURCES} ${objects})
  target_include_directories(fuzz_${name} PRIVATE
    ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/tests)
  target_link_libraries(fuzz_${name} PRIVATE rdpwhy_compile_options ${libraries})
  add_dependencies(fuzz_targets fuzz_${name})
  if(RDPWHY_FUZZ)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  else()
    target_sources(fuzz_${name} PRIVATE ${fuzz_folder}/replay_main.cc)
    add_test(NAME fuzz.${name}StandsPastFindsAndOurCaptures
      COMMAND fuzz_${name} ${fuzz_folder}/regressions/${name} ${CMAKE_SOURCE_DIR}/captures)
  endif()
endfunction()

rdpwhy_fuzz(reader ROOMS base)
rdpwhy_fuzz(x224 ROOMS rdp)
rdpwhy_fuzz(tpkt ROOMS rdp)
rdpwhy_fuzz(tls_hello ROOMS tls)
rdpwhy_fuzz(tls_handshake ROOMS tls)
rdpwhy_fuzz(tls_record ROOMS tls)
rdpwhy_fuzz(key_log ROOMS crypto)
# Typed text lives in the net tier; its two files need nothing else of it.
rdpwhy_fuzz(rdp_file ROOMS base
  SOURCES ${CMAKE_SOURCE_DIR}/src/net/rdp_file.cc ${CMAKE_SOURCE_DIR}/src/net/target.cc)
