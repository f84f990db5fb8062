# One libFuzzer target per kind of octets that strangers give us. With RDPWHY_FUZZ they fuzz (tools/fuzz);
# in other builds the same targets replay past finds and our own captures as an ordinary test.
set(fuzz_folder ${CMAKE_CURRENT_SOURCE_DIR}/fuzz)
add_custom_target(fuzz_targets)

# rdpwhy_fuzz(NAME ROOMS … [SOURCES …] [ORACLE HEADER FUNCTION]): fuzz/NAME_fuzz.cc, or the oracle that a room's
# own tests use, with those rooms and what they use.
function(rdpwhy_fuzz name)
  cmake_parse_arguments(arg "" "" "ROOMS;SOURCES;ORACLE" ${ARGN})
  rdpwhy_collect_rooms(${arg_ROOMS})
  set(entry ${fuzz_folder}/${name}_fuzz.cc)
  if(arg_ORACLE)
    list(GET arg_ORACLE 0 header)
    list(GET arg_ORACLE 1 function)
    set(entry ${CMAKE_CURRENT_BINARY_DIR}/${name}_fuzz.cc)
    configure_file(${fuzz_folder}/oracle_fuzz.cc.in ${entry} @ONLY)
  endif()
  add_executable(fuzz_${name} ${entry} ${arg_SOURCES} ${objects})
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
rdpwhy_fuzz(der ROOMS asn1 ORACLE asn1/asn1_oracles.h rdpwhy::asn1::oracle::check_der)
rdpwhy_fuzz(ts_request ROOMS auth ORACLE auth/auth_oracles.h rdpwhy::auth::oracle::check_ts_request)
rdpwhy_fuzz(ts_credentials ROOMS auth ORACLE auth/auth_oracles.h rdpwhy::auth::oracle::check_ts_credentials)
rdpwhy_fuzz(ntlm ROOMS auth ORACLE auth/auth_oracles.h rdpwhy::auth::oracle::check_ntlm)
rdpwhy_fuzz(av_pairs ROOMS auth ORACLE auth/auth_oracles.h rdpwhy::auth::oracle::check_av_pairs)
rdpwhy_fuzz(spnego ROOMS auth ORACLE auth/auth_oracles.h rdpwhy::auth::oracle::check_spnego)
rdpwhy_fuzz(kerberos ROOMS auth ORACLE auth/auth_oracles.h rdpwhy::auth::oracle::check_kerberos)
rdpwhy_fuzz(rdstls ROOMS auth ORACLE auth/auth_oracles.h rdpwhy::auth::oracle::check_rdstls)
rdpwhy_fuzz(token ROOMS auth ORACLE auth/auth_oracles.h rdpwhy::auth::oracle::check_token)
rdpwhy_fuzz(auth_annotation ROOMS auth ORACLE auth/auth_oracles.h rdpwhy::auth::oracle::check_annotation)
rdpwhy_fuzz(x224 ROOMS rdp ORACLE rdp/rdp_oracles.h rdpwhy::rdp::oracle::check_x224)
rdpwhy_fuzz(licensing ROOMS rdp ORACLE rdp/licensing_oracles.h rdpwhy::rdp::oracle::check_licensing)
rdpwhy_fuzz(security_exchange ROOMS rdp ORACLE rdp/licensing_oracles.h rdpwhy::rdp::oracle::check_security_exchange)
rdpwhy_fuzz(server_certificate ROOMS rdp
  ORACLE rdp/licensing_oracles.h rdpwhy::rdp::oracle::check_server_certificate)
rdpwhy_fuzz(tpkt ROOMS rdp ORACLE rdp/rdp_oracles.h rdpwhy::rdp::oracle::check_tpkt)
rdpwhy_fuzz(mcs ROOMS rdp ORACLE rdp/rdp_oracles.h rdpwhy::rdp::oracle::check_mcs)
rdpwhy_fuzz(gcc_blocks ROOMS rdp ORACLE rdp/rdp_oracles.h rdpwhy::rdp::oracle::check_blocks)
rdpwhy_fuzz(share ROOMS rdp ORACLE rdp/share_oracles.h rdpwhy::rdp::oracle::check_share)
rdpwhy_fuzz(client_info ROOMS rdp ORACLE rdp/share_oracles.h rdpwhy::rdp::oracle::check_client_info)
rdpwhy_fuzz(redirection ROOMS rdp ORACLE rdp/share_oracles.h rdpwhy::rdp::oracle::check_redirection)
rdpwhy_fuzz(channel_messages ROOMS rdp ORACLE rdp/share_oracles.h rdpwhy::rdp::oracle::check_channel_messages)
rdpwhy_fuzz(security_headers ROOMS rdp ORACLE rdp/share_oracles.h rdpwhy::rdp::oracle::check_security_headers)
rdpwhy_fuzz(rdpudp ROOMS rdp ORACLE rdp/share_oracles.h rdpwhy::rdp::oracle::check_rdpudp)
rdpwhy_fuzz(tls ROOMS tls ORACLE tls/tls_oracles.h rdpwhy::tls::oracle::check_tls)
rdpwhy_fuzz(certificate ROOMS crypto ORACLE crypto/crypto_oracles.h rdpwhy::crypto::oracle::check_certificate)
rdpwhy_fuzz(judge ROOMS crypto ORACLE crypto/crypto_oracles.h rdpwhy::crypto::oracle::check_judge)
rdpwhy_fuzz(key_log ROOMS crypto ORACLE crypto/crypto_oracles.h rdpwhy::crypto::oracle::check_key_log)
rdpwhy_fuzz(record_opener ROOMS crypto ORACLE crypto/crypto_oracles.h rdpwhy::crypto::oracle::check_record_opener)
rdpwhy_fuzz(tls12_opener ROOMS crypto ORACLE crypto/crypto_oracles.h rdpwhy::crypto::oracle::check_tls12_opener)
rdpwhy_fuzz(tls_session ROOMS crypto ORACLE crypto/crypto_oracles.h rdpwhy::crypto::oracle::check_tls_session)
rdpwhy_fuzz(session_opener ROOMS crypto
  ORACLE crypto/standard_security_oracles.h rdpwhy::crypto::oracle::check_session_opener)
rdpwhy_fuzz(ntlm_challenge ROOMS crypto ORACLE crypto/crypto_oracles.h rdpwhy::crypto::oracle::check_ntlm_challenge)
rdpwhy_fuzz(ntlm_client ROOMS crypto ORACLE crypto/crypto_oracles.h rdpwhy::crypto::oracle::check_ntlm_client)
rdpwhy_fuzz(channel_bindings ROOMS crypto
  ORACLE crypto/crypto_oracles.h rdpwhy::crypto::oracle::check_channel_bindings)
rdpwhy_fuzz(capture_file ROOMS capture ORACLE capture/capture_oracles.h rdpwhy::capture::oracle::check_capture_file)
rdpwhy_fuzz(frame ROOMS capture ORACLE capture/capture_oracles.h rdpwhy::capture::oracle::check_frame)
rdpwhy_fuzz(segments ROOMS capture ORACLE capture/capture_oracles.h rdpwhy::capture::oracle::check_segments)
rdpwhy_fuzz(written_connection ROOMS capture
  ORACLE capture/capture_oracles.h rdpwhy::capture::oracle::check_written_connection)
rdpwhy_fuzz(dissector ROOMS dissect crypto
  ORACLE dissect/dissect_oracles.h rdpwhy::dissect::oracle::check_dissector)
rdpwhy_fuzz(replay ROOMS replay)
# Typed text lives in the net tier; its three files need nothing else of it.
rdpwhy_fuzz(rdp_file ROOMS base
  SOURCES ${CMAKE_SOURCE_DIR}/src/net/rdp_file.cc ${CMAKE_SOURCE_DIR}/src/net/target.cc
          ${CMAKE_SOURCE_DIR}/src/net/idna.cc)
rdpwhy_fuzz(survey ROOMS survey dissect ORACLE survey/survey_oracles.h rdpwhy::survey::oracle::check_survey)
rdpwhy_fuzz(saved_survey ROOMS report survey)
