# Included by setup.py (CMAKE_PROJECT_INCLUDE) when the messages are built against the ROS wheels from PyPI; a build
# with colcon never reads this.
#
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

# At the end of the project's CMakeLists.txt, when every package has been found.
cmake_language(DEFER CALL drop_include_directories_of_the_build_machine)
