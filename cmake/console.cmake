# The console's built files (console/dist, committed) become part of updraftd. Making them anew is `make console`.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
file(GLOB_RECURSE console_files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/console/dist/*)
add_custom_command(
  OUTPUT ${CMAKE_BINARY_DIR}/console_files.c
  COMMAND Python3::Interpreter ${CMAKE_SOURCE_DIR}/scripts/embed ${CMAKE_SOURCE_DIR}/console/dist
          ${CMAKE_BINARY_DIR}/console_files.c
  DEPENDS ${console_files} ${CMAKE_SOURCE_DIR}/scripts/embed
  COMMENT "Embedding the console")
target_sources(ud_server_lib PRIVATE ${CMAKE_BINARY_DIR}/console_files.c)
set_source_files_properties(src/server/api_server.c PROPERTIES COMPILE_DEFINITIONS UD_VERSION="${PROJECT_VERSION}")
