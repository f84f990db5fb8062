# captures/ against what stands beside each, and against tshark.
add_test(NAME golden.EachCaptureReplaysAsExpected
  COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/golden/golden_test.py $<TARGET_FILE:rdpwhy_program> Golden)
add_test(NAME golden.TsharkReadsTheSame
  COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/golden/golden_test.py $<TARGET_FILE:rdpwhy_program> Oracle)
add_test(NAME golden.FingerprintsAreTsharks
  COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/golden/golden_test.py $<TARGET_FILE:rdpwhy_program> Fingerprints)
set_tests_properties(golden.EachCaptureReplaysAsExpected golden.TsharkReadsTheSame golden.FingerprintsAreTsharks PROPERTIES TIMEOUT 600 COST 80)
