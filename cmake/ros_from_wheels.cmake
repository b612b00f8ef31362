# Included (CMAKE_PROJECT_INCLUDE) when the messages are built against the ROS wheels from PyPI, by setup.py or by
# colcon in such an environment; a build on a ROS installation never reads this.

# The wheels' exported targets name the Python headers of the machine they were built on. CMake refuses an include
# directory that does not exist, so these are dropped; the targets find the running Python's headers by themselves.
function(drop_include_directories_of_the_build_machine)
  get_directory_property(imported_targets IMPORTED_TARGETS)
  foreach(target IN LISTS imported_targets)
    get_target_property(directories ${target} INTERFACE_INCLUDE_DIRECTORIES)
    if(NOT directories)
      continue()
    endif()
    set(kept)
    foreach(directory IN LISTS directories)
      if(directory MATCHES "^/opt/python/" AND NOT EXISTS "${directory}")
        continue()
      endif()
      list(APPEND kept "${directory}")
    endforeach()
    set_target_properties(${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${kept}")
  endforeach()
endfunction()

# With the environment in the checkout (.venv), NumPy's headers lie below the source folder, and CMake refuses to
# export such a path. Whoever links the exported target has a NumPy of its own.
function(keep_include_directories_of_the_environment_unexported)
  set(target ${PROJECT_NAME}__rosidl_generator_py)
  if(NOT TARGET ${target})
    return()
  endif()
  get_target_property(directories ${target} INTERFACE_INCLUDE_DIRECTORIES)
  set(wrapped)
  foreach(directory IN LISTS directories)
    string(FIND "${directory}" "${PROJECT_SOURCE_DIR}/" position)
    if(position EQUAL 0)
      set(directory "$<BUILD_INTERFACE:${directory}>")
    endif()
    list(APPEND wrapped "${directory}")
  endforeach()
  set_target_properties(${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${wrapped}")
endfunction()

# At the end of the project's CMakeLists.txt, when every package has been found and every target made.
cmake_language(DEFER CALL drop_include_directories_of_the_build_machine)
cmake_language(DEFER CALL keep_include_directories_of_the_environment_unexported)
