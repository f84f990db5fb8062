# The house itself: who includes whom, what the archives ask of the system, headers and installation.
set(house ${CMAKE_CURRENT_SOURCE_DIR}/house)
set(python /usr/bin/python3)   # Debian's own, which sees Debian's modules

add_test(NAME house.EveryIncludeIsAllowedByItsRoom COMMAND ${python} ${CMAKE_SOURCE_DIR}/tools/check_layers)
add_test(NAME house.CheckLayersFindsEachBreachItSpeaksOf COMMAND ${python} ${house}/check_layers_test.py)
add_test(NAME house.PureTiersUseNoInputOutputClockRandomnessOrThreads
  COMMAND ${python} ${house}/check_symbols $<TARGET_FILE:rdpwhy_wire> $<TARGET_FILE:rdpwhy_crypto> $<TARGET_FILE:rdpwhy_engine>)
add_test(NAME house.TheSymbolCheckFindsEachKindOfBreach COMMAND ${python} ${house}/check_symbols --self-test ${CMAKE_CXX_COMPILER})
add_test(NAME house.EveryPublicHeaderCompilesAlone COMMAND ${house}/headers_alone ${CMAKE_CXX_COMPILER} ${CMAKE_SOURCE_DIR}/include)
set(consumer_flags "")
if(RDPWHY_SANITIZE)
  set(consumer_flags -fsanitize=${RDPWHY_SANITIZE})
endif()
add_test(NAME house.AStrangerBuildsAgainstTheInstalledPackage
  COMMAND ${house}/consumer_test ${CMAKE_BINARY_DIR} ${CMAKE_SOURCE_DIR} ${CMAKE_CXX_COMPILER} ${consumer_flags})
set_tests_properties(house.EveryPublicHeaderCompilesAlone house.AStrangerBuildsAgainstTheInstalledPackage
  PROPERTIES TIMEOUT 600 COST 80)
