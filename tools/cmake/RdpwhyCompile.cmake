# What every target of this project is compiled with. Consumers never see these flags.
add_library(rdpwhy_compile_options INTERFACE)

if(RDPWHY_DEVELOPER)
  target_compile_options(rdpwhy_compile_options INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
    -Wold-style-cast -Wimplicit-fallthrough -Werror)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ 12 sees these in the inlined insides of std::vector and std::string, where they are not.
    target_compile_options(rdpwhy_compile_options INTERFACE
      -Wno-error=restrict -Wno-error=stringop-overflow -Wno-error=array-bounds
      -Wno-error=maybe-uninitialized -Wno-error=stringop-overread -Wno-missing-field-initializers
      -Wno-error=null-dereference -Wno-error=free-nonheap-object -Wno-error=dangling-pointer)
  else()
    target_compile_options(rdpwhy_compile_options INTERFACE -Wno-missing-field-initializers)
  endif()
endif()

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT RDPWHY_DEVELOPER)
  # g++ 12 says some of them unasked; who only builds the program shall not have to read them.
  target_compile_options(rdpwhy_compile_options INTERFACE
    -Wno-stringop-overflow -Wno-stringop-overread -Wno-array-bounds -Wno-restrict
    -Wno-free-nonheap-object -Wno-dangling-pointer)
endif()

if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # libstdc++ 12 and Asio 1.22 do not recognise clang's coroutines by themselves.
  target_compile_definitions(rdpwhy_compile_options INTERFACE
    ASIO_HAS_CO_AWAIT=1 ASIO_HAS_STD_COROUTINE=1)
endif()

if(RDPWHY_SANITIZE)
  target_compile_options(rdpwhy_compile_options INTERFACE
    -fsanitize=${RDPWHY_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(rdpwhy_compile_options INTERFACE -fsanitize=${RDPWHY_SANITIZE})
endif()

if(RDPWHY_FUZZ)
  target_compile_options(rdpwhy_compile_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
