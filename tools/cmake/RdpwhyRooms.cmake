# A room is a folder: include/rdpwhy/<room> and src/<room>. A tier is a static library made of rooms.
#
#   rdpwhy_room(rdp USES asn1 base [LIBRARIES ...])   an object library, and the list of rooms it may see
#   rdpwhy_tier(wire ROOMS base asn1 rdp ...)         librdpwhy_wire.a
#   rdpwhy_test(rdp ROOMS rdp)                        tests/rdp/*_test.cc, linked with those rooms and theirs, no others
#
# A test program links only the rooms that its room may use, so a use of a forbidden room does not link,
# room by room and not only tier by tier. tools/check_layers says the same in words.

function(rdpwhy_room name)
  cmake_parse_arguments(arg "" "" "USES;LIBRARIES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cc)
  list(FILTER sources EXCLUDE REGEX "/main\\.cc$")
  set(closure ${name})
  set(libraries ${arg_LIBRARIES})
  foreach(used IN LISTS arg_USES)
    get_property(inner GLOBAL PROPERTY rdpwhy_closure_${used})
    get_property(inner_libraries GLOBAL PROPERTY rdpwhy_libraries_${used})
    list(APPEND closure ${inner})
    list(APPEND libraries ${inner_libraries})
  endforeach()
  list(REMOVE_DUPLICATES closure)
  list(REMOVE_DUPLICATES libraries)
  set_property(GLOBAL PROPERTY rdpwhy_closure_${name} ${closure})
  set_property(GLOBAL PROPERTY rdpwhy_libraries_${name} ${libraries})
  if(NOT sources)   # a room of headers only
    set_property(GLOBAL PROPERTY rdpwhy_objects_${name} "")
    return()
  endif()
  add_library(rdpwhy_room_${name} OBJECT ${sources})
  target_include_directories(rdpwhy_room_${name} PRIVATE
    ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(rdpwhy_room_${name} PRIVATE rdpwhy_compile_options ${libraries})
  set_property(GLOBAL PROPERTY rdpwhy_objects_${name} $<TARGET_OBJECTS:rdpwhy_room_${name}>)
endfunction()

# Sets `objects` and `libraries` in the caller: everything that the given rooms need to link.
macro(rdpwhy_collect_rooms)
  set(collected)
  set(libraries)
  foreach(room ${ARGN})
    get_property(inner GLOBAL PROPERTY rdpwhy_closure_${room})
    get_property(inner_libraries GLOBAL PROPERTY rdpwhy_libraries_${room})
    list(APPEND collected ${inner})
    list(APPEND libraries ${inner_libraries})
  endforeach()
  list(REMOVE_DUPLICATES collected)
  list(REMOVE_DUPLICATES libraries)
  set(objects)
  foreach(room IN LISTS collected)
    get_property(inner GLOBAL PROPERTY rdpwhy_objects_${room})
    list(APPEND objects ${inner})
  endforeach()
endmacro()

function(rdpwhy_tier name)
  cmake_parse_arguments(arg "" "" "ROOMS;USES;LIBRARIES" ${ARGN})
  set(objects)
  foreach(room IN LISTS arg_ROOMS)
    get_property(inner GLOBAL PROPERTY rdpwhy_objects_${room})
    list(APPEND objects ${inner})
  endforeach()
  if(NOT objects)   # a tier whose rooms are still headers only
    file(WRITE ${CMAKE_BINARY_DIR}/empty_${name}.cc "")
    set(objects ${CMAKE_BINARY_DIR}/empty_${name}.cc)
  endif()
  add_library(rdpwhy_${name} STATIC ${objects})
  add_library(rdpwhy::${name} ALIAS rdpwhy_${name})
  set_target_properties(rdpwhy_${name} PROPERTIES EXPORT_NAME ${name} LINKER_LANGUAGE CXX)
  target_include_directories(rdpwhy_${name} PUBLIC
    $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_features(rdpwhy_${name} PUBLIC cxx_std_23)
  list(TRANSFORM arg_USES PREPEND rdpwhy_)
  target_link_libraries(rdpwhy_${name} PUBLIC ${arg_USES} ${arg_LIBRARIES}
    PRIVATE $<BUILD_INTERFACE:rdpwhy_compile_options>)
endfunction()

function(rdpwhy_test name)
  cmake_parse_arguments(arg "" "" "ROOMS;LIBRARIES;PROPERTIES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*_test.cc
                                      ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*_fixture.cc)
  if(NOT sources)
    return()
  endif()
  rdpwhy_collect_rooms(${arg_ROOMS})
  # The rooms first: of an inline function that both have, the linker keeps the one that is checked.
  add_executable(${name}_test ${objects} ${sources})
  target_include_directories(${name}_test PRIVATE
    ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/tests)
  target_compile_definitions(${name}_test PRIVATE
    RDPWHY_SOURCE_DIR="${CMAKE_SOURCE_DIR}" RDPWHY_BINARY_DIR="${CMAKE_BINARY_DIR}")
  target_link_libraries(${name}_test PRIVATE rdpwhy_compile_options ${libraries} ${arg_LIBRARIES}
    GTest::gtest_main GTest::gmock nlohmann_json::nlohmann_json)
  if(RDPWHY_SANITIZE)   # a third of the time that tests take to compile would go into checks of their own lines
    target_compile_options(${name}_test PRIVATE -fno-sanitize=undefined)
  endif()
  gtest_discover_tests(${name}_test DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 300 ${arg_PROPERTIES})
endfunction()
