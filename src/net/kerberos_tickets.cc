#include "net/kerberos_tickets.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <memory>

#include "net/kdc_connection.h"
#include "net/kerberos_names.h"

namespace rdpwhy::net {
namespace {

using record::KdcTalk;
using Outcome = KdcTalk::Outcome;

// RFC 4120 5.10: the tags that messages begin with.
constexpr std::uint8_t kAsRequest = 0x6A;
constexpr std::uint8_t kAsReply = 0x6B;
constexpr std::uint8_t kTgsReply = 0x6D;
constexpr std::uint8_t kKrbError = 0x7E;

// RFC 4120 7.5.9
constexpr std::int32_t kNameExpired = 1;
constexpr std::int32_t kNeverValid = 11;
constexpr std::int32_t kPolicy = 12;
constexpr std::int32_t kClientRevoked = 18;
constexpr std::int32_t kClientNotYet = 21;
constexpr std::int32_t kKeyExpired = 23;
constexpr std::int32_t kPreauthFailed = 24;
constexpr std::int32_t kPreauthRequired = 25;
constexpr std::int32_t kBadIntegrity = 31;
constexpr std::int32_t kMorePreauthRequired = 91;

/// The KDC has said all about this account or password: whatever is tried next can only harm it.
bool is_final(std::int32_t error) {
  static constexpr std::int32_t kFinal[] = {kNameExpired,   kNeverValid,   kPolicy,
                                            kClientRevoked, kClientNotYet, kKeyExpired,
                                            kPreauthFailed, kBadIntegrity};
  return std::ranges::find(kFinal, error) != std::end(kFinal);
}

bool means_unreachable(krb5_error_code code) {
  static constexpr krb5_error_code kCodes[] = {KRB5_KDC_UNREACH, KRB5_REALM_UNKNOWN,
                                               KRB5_REALM_CANT_RESOLVE};
  return std::ranges::find(kCodes, code) != std::end(kCodes);
}

Nanoseconds now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// A krb5_timestamp counts seconds in 32 bits, until 2106.
Nanoseconds nanoseconds_of(krb5_timestamp seconds, krb5_int32 microseconds) {
  return static_cast<Nanoseconds>(static_cast<std::uint32_t>(seconds)) * 1'000'000'000 +
         static_cast<Nanoseconds>(microseconds) * 1000;
}

std::uint8_t first_octet(const krb5_data* message) {
  return message == nullptr || message->length == 0 ? 0 : octets_of(*message)[0];
}

/// The talks of one errand. The library calls back into it: before it sends, after it received,
/// when it wants the password, and with every line of its trace.
class TicketTalks {
 public:
  TicketTalks(const Krb5& krb5, const KerberosErrand& errand, KerberosPatron& patron,
              Deadline deadline)
      : krb5_(krb5), errand_(errand), patron_(patron), deadline_(deadline), client_(krb5) {
    krb5_set_kdc_send_hook(krb5_.get(), &on_send, this);
    krb5_set_kdc_recv_hook(krb5_.get(), &on_received, this);
    krb5_set_trace_callback(krb5_.get(), &on_trace, this);
  }
  TicketTalks(const TicketTalks&) = delete;
  TicketTalks& operator=(const TicketTalks&) = delete;
  ~TicketTalks() {
    krb5_set_kdc_send_hook(krb5_.get(), nullptr, nullptr);
    krb5_set_kdc_recv_hook(krb5_.get(), nullptr, nullptr);
    krb5_set_trace_callback(krb5_.get(), nullptr, nullptr);
  }

  std::optional<Tickets> go() {
    Tickets tickets{.cache = Krb5MemoryCache(krb5_), .service = {}, .accepted = {}};
    const bool has_granting =
        errand_.user.empty() ? copy_user_cache(tickets) : ask_for_granting_ticket(tickets);
    if (!has_granting || !ask_for_service_ticket(tickets)) return {};
    tickets.accepted = std::move(credentials_);
    return tickets;
  }

 private:
  // --- the ticket-granting ticket ---------------------------------------------------------------

  bool copy_user_cache(Tickets& tickets) {
    begin({.principal = {},
           .service = {},
           .error_code = {},
           .words = {},
           .clock_offset = {},
           .from_cache = true});
    Krb5UserCache own(krb5_);
    auto code = krb5_cc_default(krb5_.get(), own.out());
    if (code == 0) code = krb5_cc_get_principal(krb5_.get(), own.get(), client_.out());
    if (code == 0) talk_.principal = text_of(krb5_, client_.get());
    if (code == 0) code = make_cache(tickets);
    if (code == 0) code = krb5_cc_copy_creds(krb5_.get(), own.get(), tickets.cache.get());
    if (code != 0) end(code);
    return code == 0;  // a cache that can be read is no talk yet
  }

  bool ask_for_granting_ticket(Tickets& tickets) {
    const auto clients = client_names(krb5_, errand_);
    if (clients.names.empty()) {
      begin({.principal = errand_.user});
      talk_.outcome = Outcome::kUnavailable;
      talk_.words = clients.why;
      patron_.talk_ended(talk_);
      return false;
    }
    for (const auto& name : clients.names) {
      if (ask_as(name, tickets)) return true;
      // Only where nobody was found to ask is another name for him worth a question.
      if (talk_.outcome != Outcome::kUnreachable || credentials_) return false;
    }
    return false;
  }

  bool ask_as(const ClientNames::Name& name, Tickets& tickets) {
    auto code =
        krb5_parse_name_flags(krb5_.get(), name.text.c_str(),
                              name.enterprise ? KRB5_PRINCIPAL_PARSE_ENTERPRISE : 0, client_.out());
    begin({.principal = code == 0 ? text_of(krb5_, client_.get()) : errand_.user});
    Krb5Options options(krb5_);
    if (code == 0) code = krb5_get_init_creds_opt_alloc(krb5_.get(), options.out());
    if (code == 0) {
      krb5_get_init_creds_opt_set_forwardable(options.get(), 0);
      krb5_get_init_creds_opt_set_proxiable(options.get(), 0);
      if (name.enterprise) krb5_get_init_creds_opt_set_canonicalize(options.get(), 1);
    }
    Krb5InitialTalk initial(krb5_);
    if (code == 0) {
      code = krb5_init_creds_init(krb5_.get(), client_.get(), &on_prompt, this, 0, options.get(),
                                  initial.out());
    }
    if (code == 0) code = krb5_init_creds_get(krb5_.get(), initial.get());
    if (code == 0) code = keep_granted(initial, tickets);
    end(code);
    return code == 0;
  }

  krb5_error_code keep_granted(const Krb5InitialTalk& initial, Tickets& tickets) {
    krb5_creds granted{};
    auto code = krb5_init_creds_get_creds(krb5_.get(), initial.get(), &granted);
    if (code != 0) return code;
    if (!clock_offset_) clock_offset_ = nanoseconds_of(granted.times.authtime, 0) - now();
    code = krb5_copy_principal(krb5_.get(), granted.client, client_.out());
    if (code == 0) code = make_cache(tickets);
    if (code == 0) code = krb5_cc_store_cred(krb5_.get(), tickets.cache.get(), &granted);
    krb5_free_cred_contents(krb5_.get(), &granted);
    return code;
  }

  krb5_error_code make_cache(Tickets& tickets) {
    const auto code = krb5_cc_new_unique(krb5_.get(), "MEMORY", nullptr, tickets.cache.out());
    if (code != 0) return code;
    return krb5_cc_initialize(krb5_.get(), tickets.cache.get(), client_.get());
  }

  // --- the service ticket -----------------------------------------------------------------------

  bool ask_for_service_ticket(Tickets& tickets) {
    begin({.principal = text_of(krb5_, client_.get()),
           .service = "TERMSRV/" + errand_.host,
           .from_cache = errand_.user.empty()});
    Krb5Principal service(krb5_);
    Krb5Credentials granted(krb5_);
    auto code = service_name(krb5_, errand_.host, service);
    if (code == 0) {
      talk_.service = text_of(krb5_, service.get());
      patron_.talk_begins(talk_);
      krb5_creds wanted{};
      wanted.client = client_.get();
      wanted.server = service.get();
      code = krb5_get_credentials(krb5_.get(), 0, tickets.cache.get(), &wanted, granted.out());
    }
    Krb5Text text(krb5_);
    if (code == 0) code = krb5_unparse_name(krb5_.get(), granted->server, text.out());
    if (code == 0) {
      tickets.service = text.get();
      talk_.service = text_of(krb5_, granted->server);
    }
    // A name without a realm is one that KDCs were to find: the last one asked is where it ended.
    if (talk_.service.ends_with('@')) talk_.service += asked_realm_;
    end(code);
    return code == 0;
  }

  // --- how a talk went --------------------------------------------------------------------------

  void begin(KdcTalk talk) {
    talk_ = std::move(talk);
    kdc_error_.reset();
    last_reply_ = 0;
    answered_ = false;
    asked_realm_.clear();
    own_words_.clear();
    patron_.talk_begins(talk_);
  }

  void end(krb5_error_code code) {
    talk_.clock_offset = clock_offset_;
    judge(code);
    if (talk_.outcome == Outcome::kRefused && talk_.error_code && is_final(*talk_.error_code) &&
        talk_.service.empty() && !credentials_) {
      // Spent without being sent: see OneAttempt.
      [[maybe_unused]] const auto gone = patron_.take_credentials();
    }
    patron_.talk_ended(talk_);
  }

  void judge(krb5_error_code code) {
    if (code == 0) {
      talk_.outcome = Outcome::kGranted;
    } else if (!own_words_.empty()) {
      talk_.outcome = Outcome::kUnreachable;
      talk_.words = own_words_;
    } else if (code == KRB5KRB_AP_ERR_BAD_INTEGRITY && last_reply_ == kAsReply) {
      talk_.outcome = Outcome::kRefused;
      talk_.error_code = kBadIntegrity;
      talk_.words = "the KDC's answer does not open with this password";
    } else if (kdc_error_ && refuses(*kdc_error_)) {
      talk_.outcome = Outcome::kRefused;
      talk_.error_code = kdc_error_;
      talk_.words = krb5_.words(code);
      if (code != *kdc_error_ + ERROR_TABLE_BASE_krb5) {
        talk_.words = krb5_.words(*kdc_error_ + ERROR_TABLE_BASE_krb5);
      }
    } else if (code == ETIMEDOUT) {
      talk_.outcome = Outcome::kTimeout;
      talk_.words = "the deadline passed";
    } else if (answered_in_no_kerberos()) {
      talk_.outcome = Outcome::kUnreachable;
      talk_.words = "what answers in the KDC's place does not speak Kerberos: " + krb5_.words(code);
    } else if (means_unreachable(code)) {
      talk_.outcome = Outcome::kUnreachable;
      talk_.words = krb5_.words(code) + remark_on_configuration();
    } else {
      talk_.outcome = Outcome::kUnavailable;
      talk_.words = krb5_.words(code) + remark_on_configuration();
      if (kdc_error_ && !credentials_) {
        talk_.words +=
            "; the KDC wants proof of the password by a method or with an encryption type that is "
            "not to be had here";
      }
    }
  }

  /// A question about the proof refuses nobody, unless the proof was what it answers.
  [[nodiscard]] bool refuses(std::int32_t error) const {
    if (error == kPreauthRequired) return credentials_.has_value();
    return error != kMorePreauthRequired;
  }

  [[nodiscard]] bool answered_in_no_kerberos() const {
    if (last_reply_ == kKrbError) return !kdc_error_;
    return answered_ && last_reply_ != kAsReply && last_reply_ != kTgsReply;
  }

  // --- what the library calls -------------------------------------------------------------------

  krb5_error_code sending(const krb5_data& realm, const krb5_data& message, krb5_data** answer) {
    asked_realm_ = base::as_text(octets_of(realm));
    if (std::chrono::steady_clock::now() >= deadline_) return ETIMEDOUT;
    if (first_octet(&message) != kAsRequest || !credentials_) return 0;  // the library's to send
    // What is built with the password goes out once, whatever the library would try after that.
    if (!kdc_) return EALREADY;
    auto kdc = std::exchange(kdc_, std::nullopt);
    const auto said = kdc->exchange(octets_of(message), deadline_);
    if (!said) {
      const bool late = std::chrono::steady_clock::now() >= deadline_;
      if (!late) own_words_ = "the KDC ended the connection without an answer to the password";
      kdc_error_.reset();
      return late ? ETIMEDOUT : KRB5_KDC_UNREACH;
    }
    krb5_data view{};
    view.length = static_cast<unsigned>(said->size());
    view.data = const_cast<char*>(reinterpret_cast<const char*>(said->data()));
    received(view);  // of a reply that the library did not fetch itself it does not tell
    return krb5_copy_data(krb5_.get(), &view, answer);
  }

  void received(const krb5_data& reply) {
    answered_ = true;
    last_reply_ = first_octet(&reply);
    kdc_error_.reset();
    krb5_error* error = nullptr;
    if (last_reply_ != kKrbError || krb5_rd_error(krb5_.get(), &reply, &error) != 0) return;
    kdc_error_ = static_cast<std::int32_t>(error->error);
    clock_offset_ = nanoseconds_of(error->stime, error->susec) - now();
    krb5_free_error(krb5_.get(), error);
  }

  /// The KDC knows the user and wants proof of the password, or its reply has to be opened with it.
  krb5_error_code give_password(krb5_prompt& prompt) {
    if (credentials_) return KRB5_LIBOS_CANTREADPWD;  // it was wrong
    if (last_reply_ != kAsReply) {
      // The way there is opened first: where there is none, the password is not spent.
      if (!answering_) {
        own_words_ = "no KDC answers directly, so the password cannot be sent to one KDC only";
        return KRB5_KDC_UNREACH;
      }
      auto opened = KdcConnection::open(*answering_, deadline_);
      if (!opened) {
        own_words_ = "the KDC " + answering_->address + " port " +
                     std::to_string(answering_->port) +
                     " answers, but takes no TCP connection: " + opened.error();
        return KRB5_KDC_UNREACH;
      }
      kdc_.emplace(*std::move(opened));
    }
    credentials_ = patron_.take_credentials();
    if (!credentials_) return KRB5_LIBOS_CANTREADPWD;
    const auto password = credentials_->password.reveal();
    if (password.size() >= prompt.reply->length) return KRB5_LIBOS_CANTREADPWD;
    std::memcpy(prompt.reply->data, password.data(), password.size());
    prompt.reply->data[password.size()] = '\0';
    prompt.reply->length = static_cast<unsigned>(password.size());
    return 0;
  }

  /// No exception crosses the library, which is C.
  template <typename Work>
  static krb5_error_code guarded(Work work) noexcept {
    try {
      return work();
    } catch (const std::exception&) {
      return ENOMEM;
    }
  }

  static krb5_error_code on_send(krb5_context, void* self, const krb5_data* realm,
                                 const krb5_data* message, krb5_data**, krb5_data** answer) {
    return guarded(
        [&] { return static_cast<TicketTalks*>(self)->sending(*realm, *message, answer); });
  }
  static krb5_error_code on_received(krb5_context, void* self, krb5_error_code code,
                                     const krb5_data*, const krb5_data*, const krb5_data* reply,
                                     krb5_data**) {
    return guarded([&] {  // a failure has to be passed on: the library counts on it
      if (code == 0 && reply != nullptr) static_cast<TicketTalks*>(self)->received(*reply);
      return code;
    });
  }
  static krb5_error_code on_prompt(krb5_context library, void* self, const char*, const char*,
                                   int count, krb5_prompt* prompts) {
    return guarded([&]() -> krb5_error_code {
      const auto* types = krb5_get_prompt_types(library);
      const bool is_password =
          count == 1 && types != nullptr && types[0] == KRB5_PROMPT_TYPE_PASSWORD;
      if (!is_password) return KRB5_LIBOS_CANTREADPWD;
      return static_cast<TicketTalks*>(self)->give_password(prompts[0]);
    });
  }
  static void on_trace(krb5_context, const krb5_trace_info* line, void* self) {
    if (line == nullptr || line->message == nullptr) return;
    guarded([&] {
      if (auto kdc = answering_kdc(line->message)) {
        static_cast<TicketTalks*>(self)->answering_ = std::move(kdc);
      }
      return krb5_error_code{0};
    });
  }

  const Krb5& krb5_;
  const KerberosErrand& errand_;
  KerberosPatron& patron_;
  Deadline deadline_;
  Krb5Principal client_;

  KdcTalk talk_;
  std::optional<std::int32_t> kdc_error_;  ///< of the last reply
  std::uint8_t last_reply_ = 0;            ///< its first octet
  bool answered_ = false;                  ///< the last question, by whatever octets
  std::string asked_realm_;
  std::string own_words_;  ///< why we did not go on
  std::optional<Nanoseconds> clock_offset_;
  std::optional<KdcEndpoint> answering_;              ///< who gave the last reply
  std::optional<KdcConnection> kdc_;                  ///< for the one request with the password
  std::optional<dialogue::Credentials> credentials_;  ///< once the password is spent
};

}  // namespace

std::optional<Tickets> get_tickets(const Krb5& krb5, const KerberosErrand& errand,
                                   KerberosPatron& patron, Deadline deadline) {
  return TicketTalks(krb5, errand, patron, deadline).go();
}

}  // namespace rdpwhy::net
