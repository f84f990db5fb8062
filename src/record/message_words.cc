#include <span>
#include <string_view>
#include <utility>

#include "rdpwhy/base/hex.h"
#include "rdpwhy/record/queries.h"

// Names of messages as people say them, for whoever reads a report.
namespace rdpwhy::record {
namespace {

using Row = std::pair<std::string_view, std::string_view>;

constexpr Row kUntilTls[] = {{"syn", "the SYN"},
                             {"connecting", "the SYN"},
                             {"syn_ack", "TCP was established"},
                             {"connected", "TCP was established"},
                             {"proxy_request", "the request to it"},
                             {"proxy_answer", "its answer"},
                             {"connection_request", "the Connection Request"},
                             {"connection_confirm", "the Connection Confirm"},
                             {"client_hello", "the ClientHello"},
                             {"server_hello", "the ServerHello"},
                             {"certificate", "the Certificate"},
                             {"negotiation_failure", "the negotiation failure"},
                             {"server_hello_done", "the ServerHelloDone"},
                             {"hello_retry_request", "the HelloRetryRequest"},
                             {"certificate_verify", "the CertificateVerify"},
                             {"certificate_request", "the CertificateRequest"},
                             {"certificate_status", "the CertificateStatus"},
                             {"client_key_exchange", "the ClientKeyExchange"},
                             {"server_key_exchange", "the ServerKeyExchange"},
                             {"encrypted_extensions", "the EncryptedExtensions"},
                             {"change_cipher_spec", "the ChangeCipherSpec"},
                             {"finished", "the Finished"},
                             {"new_session_ticket", "a NewSessionTicket"},
                             {"hello_request", "a HelloRequest"},
                             {"key_update", "a KeyUpdate"},
                             {"end_of_early_data", "the EndOfEarlyData"},
                             {"alert", "a TLS alert"},
                             {"application_data", "data inside TLS"},
                             {"encrypted_record", "an encrypted TLS record"},
                             {"data", "X.224 data"},
                             {"disconnect_request", "the X.224 Disconnect Request"}};

constexpr Row kLogon[] = {{"ntlm_negotiate", "the NTLM NEGOTIATE"},
                          {"ntlm_challenge", "the NTLM CHALLENGE"},
                          {"ntlm_authenticate", "the NTLM AUTHENTICATE"},
                          {"spnego_init", "the first SPNEGO token"},
                          {"spnego_response", "a SPNEGO token"},
                          {"ap_request", "the Kerberos AP-REQ"},
                          {"ap_reply", "the Kerberos AP-REP"},
                          {"tgt_request", "the Kerberos TGT-REQ"},
                          {"tgt_reply", "the Kerberos TGT-REP"},
                          {"krb_error", "the KRB-ERROR"},
                          {"pub_key_auth", "the pubKeyAuth"},
                          {"auth_info", "the credentials went"},
                          {"ts_request", "a TSRequest"},
                          {"ts_request_error", "the errorCode"},
                          {"early_user_authorization_result", "the authorization result"},
                          {"token", "a token"},
                          {"kerberos_token", "a Kerberos token"},
                          {"rdstls_capabilities", "the RDSTLS capabilities"},
                          {"rdstls_authentication_request", "the RDSTLS authentication request"},
                          {"rdstls_authentication_response", "the RDSTLS authentication response"}};

constexpr Row kSession[] = {
    {"mcs_connect_initial", "the MCS Connect-Initial"},
    {"mcs_connect_response", "the MCS Connect-Response"},
    {"erect_domain_request", "the Erect Domain Request"},
    {"attach_user_request", "the Attach User Request"},
    {"attach_user_confirm", "the Attach User Confirm"},
    {"channel_join_request", "a Channel Join Request"},
    {"channel_join_confirm", "a Channel Join Confirm"},
    {"security_exchange", "the Security Exchange"},
    {"client_info", "the Client Info"},
    {"autodetect_request", "an Auto-Detect Request"},
    {"autodetect_response", "an Auto-Detect Response"},
    {"license_request", "the License Request"},
    {"platform_challenge", "the Platform Challenge"},
    {"new_license", "the New License"},
    {"upgrade_license", "the Upgrade License"},
    {"license_info", "the client's licence"},
    {"new_license_request", "the New License Request"},
    {"platform_challenge_response", "the Platform Challenge Response"},
    {"license_error_alert", "the License Error Alert"},
    {"multitransport_request", "the Multitransport Request"},
    {"multitransport_response", "the Multitransport Response"},
    {"demand_active", "the Demand Active"},
    {"confirm_active", "the Confirm Active"},
    {"synchronize", "a Synchronize"},
    {"control_cooperate", "a Control (Cooperate)"},
    {"control_request", "the Control (Request Control)"},
    {"control_granted", "the Control (Granted Control)"},
    {"persistent_key_list", "the Persistent Key List"},
    {"font_list", "the Font List"},
    {"font_map", "the Font Map"},
    {"set_error_info", "a Set Error Info"},
    {"server_redirection", "the Server Redirection"},
    {"deactivate_all", "the Deactivate All"},
    {"mcs_pdu", "another PDU of MCS"},
    {"disconnect_provider_ultimatum", "the MCS Disconnect Provider Ultimatum"},
    {"licensing_pdu", "a Licensing PDU"},
    {"encrypted_pdu", "an encrypted PDU"},
    {"channel_data", "data of a virtual channel"},
    {"fast_path", "a Fast-Path PDU"},
    {"heartbeat", "a Heartbeat"},
    {"control", "a Control PDU"},
    {"share_data", "a Share Data PDU"},
    {"share_control", "a Share Control PDU"},
    {"flow_control", "a Flow Control PDU"},
    {"save_session_info", "a Save Session Info"},
    {"shutdown_request", "the Shutdown Request"},
    {"shutdown_denied", "the Shutdown Denied"},
    {"auto_reconnect_status", "an Auto-Reconnect Status"},
    {"status_info", "a Status Info"},
    {"monitor_layout", "a Monitor Layout"}};

}  // namespace

std::string message_in_words(std::string_view name) {
  for (const auto rows : {std::span<const Row>(kUntilTls), std::span<const Row>(kLogon),
                          std::span<const Row>(kSession)}) {
    for (const auto& [key, words] : rows) {
      if (key == name) return std::string(words);
    }
  }
  return name.empty() ? "the beginning" : base::printable(name);
}

}  // namespace rdpwhy::record
