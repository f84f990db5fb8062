// kerberos_talk client HOST TIMEOUT [USER [DOMAIN]] [--insist]: the program's Kerberos without the
// rest of it; reads the password of USER as first line. kerberos_talk acceptor: the other end, with
// the keytab of KRB5_KTNAME. Both take one command per line and answer with one line:
//   token HEX   a step of the context, with the peer's token; a line of JSON
//   seal HEX, unseal HEX, mic HEX, verify TEXT MIC   with the established context; HEX, or
//   "refused"
#include <gssapi/gssapi.h>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "net/gss_handles.h"
#include "net/kerberos_protection.h"
#include "net/kerberos_worker.h"
#include "rdpwhy/base/hex.h"

namespace rdpwhy::net {
namespace {

using nlohmann::json;

Bytes from_hex(const std::string& text) { return base::parse_hex(text).value(); }

json to_json(const record::KdcTalk& talk) {
  json out = {{"outcome", record::name_of(talk.outcome)},
              {"principal", talk.principal},
              {"service", talk.service},
              {"words", talk.words},
              {"from_cache", talk.from_cache}};
  if (talk.error_code) out["error_code"] = *talk.error_code;
  if (talk.clock_offset) out["clock_offset_s"] = static_cast<double>(*talk.clock_offset) / 1e9;
  return out;
}

/// One end of a context.
struct End {
  virtual ~End() = default;
  virtual json step(ByteSpan token) = 0;
  /// What the established context is used by.
  std::shared_ptr<auth::MessageProtection> protection;
};

class Client final : public End {
 public:
  Client(dialogue::CredsspPlan plan, double timeout)
      : plan_(std::move(plan)), timeout_(timeout), worker_(plan_, RunClock()) {}

  json step(ByteSpan token) override {
    asio::io_context context(1);
    KerberosWorker::Step taken;
    const auto began = std::chrono::steady_clock::now();
    const auto deadline = began + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                                      std::chrono::duration<double>(timeout_));
    asio::co_spawn(
        context,
        [&]() -> asio::awaitable<void> {
          taken = co_await worker_.step(Bytes(token.begin(), token.end()), deadline);
        },
        asio::detached);
    context.run();
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - began;
    protection = taken.answer.established;
    json out = {{"failed", taken.answer.failed},
                {"words", taken.answer.words},
                {"token", base::to_hex(taken.answer.token)},
                {"established", protection != nullptr},
                {"accepted", taken.answer.accepted ? taken.answer.accepted->user : ""},
                {"spent", plan_.credentials && plan_.credentials->is_spent()},
                {"seconds", passed.count()},
                {"talks", json::array()}};
    for (const auto& told : taken.talks) out["talks"].push_back(to_json(told.talk));
    return out;
  }

 private:
  dialogue::CredsspPlan plan_;
  double timeout_;
  KerberosWorker worker_;
};

/// Seals as MIT does by itself, with RRC 0: another layout than ours.
class AcceptorProtection final : public auth::MessageProtection {
 public:
  explicit AcceptorProtection(gss_ctx_id_t context) : context_(context) {}
  Bytes seal(ByteSpan plaintext) override {
    auto text = gss_view(plaintext);
    GssOctets message;
    OM_uint32 minor = 0;
    int sealed = 0;
    gss_wrap(&minor, context_, 1, GSS_C_QOP_DEFAULT, &text, &sealed, message.out());
    return {message.octets().begin(), message.octets().end()};
  }
  std::optional<Secret> unseal(ByteSpan sealed) override {
    auto message = gss_view(sealed);
    GssOctets text;
    OM_uint32 minor = 0;
    int was_sealed = 0;
    if (gss_unwrap(&minor, context_, &message, text.out(), &was_sealed, nullptr) !=
            GSS_S_COMPLETE ||
        was_sealed == 0) {
      return {};
    }
    return Secret(Bytes(text.octets().begin(), text.octets().end()));
  }
  Bytes mech_list_mic(ByteSpan mech_types) override {
    auto message = gss_view(mech_types);
    GssOctets mic;
    OM_uint32 minor = 0;
    gss_get_mic(&minor, context_, GSS_C_QOP_DEFAULT, &message, mic.out());
    return {mic.octets().begin(), mic.octets().end()};
  }
  bool verify_mech_list_mic(ByteSpan mech_types, ByteSpan mic) override {
    auto message = gss_view(mech_types);
    auto token = gss_view(mic);
    OM_uint32 minor = 0;
    return gss_verify_mic(&minor, context_, &message, &token, nullptr) == GSS_S_COMPLETE;
  }

 private:
  gss_ctx_id_t context_;
};

class Acceptor final : public End {
 public:
  json step(ByteSpan token) override {
    auto input = gss_view(token);
    GssOctets output;
    GssName client;
    OM_uint32 minor = 0;
    OM_uint32 flags = 0;
    const auto major = gss_accept_sec_context(&minor, context_.out(), GSS_C_NO_CREDENTIAL, &input,
                                              GSS_C_NO_CHANNEL_BINDINGS, client.out(), nullptr,
                                              output.out(), &flags, nullptr, nullptr);
    json out = {{"failed", GSS_ERROR(major) != 0},
                {"token", base::to_hex(output.octets())},
                {"mutual", (flags & GSS_C_MUTUAL_FLAG) != 0},
                {"sealing", (flags & GSS_C_CONF_FLAG) != 0},
                {"delegates", (flags & GSS_C_DELEG_FLAG) != 0}};
    if (major != GSS_S_COMPLETE) return out;
    GssOctets name;
    gss_display_name(&minor, client.get(), name.out(), nullptr);
    out["client"] = base::as_text(name.octets());
    protection = std::make_shared<AcceptorProtection>(context_.get());
    return out;
  }

 private:
  GssContext context_;
};

std::string obey(End& end, const std::string& verb, std::istringstream& arguments) {
  std::string first;
  std::string second;
  arguments >> first >> second;
  if (verb == "token") return end.step(from_hex(first)).dump();
  if (!end.protection) return "no context";
  auto& context = *end.protection;
  if (verb == "seal") return base::to_hex(context.seal(from_hex(first)));
  if (verb == "mic") return base::to_hex(context.mech_list_mic(from_hex(first)));
  if (verb == "verify") {
    return context.verify_mech_list_mic(from_hex(first), from_hex(second)) ? "verified" : "refused";
  }
  if (verb == "unseal") {
    const auto text = context.unseal(from_hex(first));
    return text ? base::to_hex(text->reveal()) : "refused";
  }
  return "no such command";
}

std::unique_ptr<End> client_of(std::vector<std::string> arguments) {
  dialogue::CredsspPlan plan;
  if (std::erase(arguments, "--insist") > 0) {
    plan.authentication = dialogue::Authentication::kKerberos;
  }
  arguments.resize(4);
  plan.service_host = arguments[0];
  if (!arguments[2].empty()) {
    std::string password;
    std::getline(std::cin, password);
    plan.credentials = std::make_shared<dialogue::OneAttempt>(
        dialogue::Credentials{arguments[2], arguments[3], Secret(std::string_view(password))});
  }
  return std::make_unique<Client>(std::move(plan), std::stod(arguments[1]));
}

}  // namespace
}  // namespace rdpwhy::net

int main(int count, char** arguments) {
  using namespace rdpwhy::net;
  if (count < 2) return 2;
  const std::string role = arguments[1];
  std::unique_ptr<End> end;
  if (role == "acceptor") end = std::make_unique<Acceptor>();
  if (role == "client" && count >= 4) end = client_of({arguments + 2, arguments + count});
  if (!end) return 2;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string verb;
    words >> verb;
    std::cout << obey(*end, verb, words) << std::endl;
  }
  return 0;
}
