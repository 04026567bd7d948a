# The sample application in its versions: one source, and one file for how its health check goes.
foreach(version 1 2 3)
  if(version EQUAL 3)
    set(behaviour examples/app/crash.c)
  else()
    set(behaviour examples/app/healthy.c)
  endif()
  add_executable(app-${version} examples/app/main.c ${behaviour})
  target_include_directories(app-${version} PRIVATE include src examples/app)
  target_compile_definitions(app-${version} PRIVATE APP_VERSION="${version}")
  target_link_libraries(app-${version} PRIVATE ud_posix)
  target_link_options(app-${version} PRIVATE -Wl,--strip-debug) # an image has to fit its slot; nobody debugs in it
endforeach()
