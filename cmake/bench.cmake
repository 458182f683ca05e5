# The programs that bench/run times; none is part of a plain build.
set(bench_programs lazy_step small_step residual_step vector_maths ntk kernel_gram cholesky eigenpro pvar resnet_step)
foreach(name IN LISTS bench_programs)
  add_executable(${name} EXCLUDE_FROM_ALL bench/${name}.c bench/common.c)
  target_include_directories(${name} PRIVATE ${OVP_CORE_INCLUDES})
  target_link_libraries(${name} PRIVATE overparam-lab_shared ${OVP_CORE_LIBS} m)
endforeach()
set_source_files_properties(bench/common.c PROPERTIES COMPILE_OPTIONS -ffp-contract=fast)

find_library(OVP_MVEC NAMES mvec libmvec.so.1) # glibc's vector maths; tanhf is there from 2.35 on
mark_as_advanced(OVP_MVEC)
if(OVP_MVEC AND CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  target_compile_definitions(vector_maths PRIVATE BENCH_LIBMVEC)
  target_link_libraries(vector_maths PRIVATE ${OVP_MVEC})
endif()
add_custom_target(benchmarks DEPENDS ${bench_programs})
