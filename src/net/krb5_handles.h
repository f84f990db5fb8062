#pragma once

#include <krb5.h>

#include <expected>
#include <string>
#include <utility>

#include "rdpwhy/base/bytes.h"

namespace rdpwhy::net {

/// The state of MIT's Kerberos library. Not for several threads at a time.
class Krb5 {
 public:
  Krb5() = default;
  Krb5(const Krb5&) = delete;
  Krb5& operator=(const Krb5&) = delete;
  ~Krb5() {
    if (library_ != nullptr) krb5_free_context(library_);
  }
  /// 0, or why the configuration cannot be read.
  [[nodiscard]] krb5_error_code open() { return krb5_init_context(&library_); }
  [[nodiscard]] krb5_context get() const { return library_; }
  /// The library's own, of bounded length.
  [[nodiscard]] std::string words(krb5_error_code code) const;

 private:
  krb5_context library_ = nullptr;
};

/// Something of the library's that has to be given back to it.
template <typename T, auto give_back>
class Krb5Handle {
 public:
  explicit Krb5Handle(const Krb5& krb5) : library_(krb5.get()) {}
  Krb5Handle(Krb5Handle&& other) noexcept
      : library_(other.library_), value_(std::exchange(other.value_, T{})) {}
  Krb5Handle& operator=(Krb5Handle&& other) noexcept {
    if (this != &other) {
      reset();
      library_ = other.library_;
      value_ = std::exchange(other.value_, T{});
    }
    return *this;
  }
  ~Krb5Handle() { reset(); }
  [[nodiscard]] T get() const { return value_; }
  [[nodiscard]] T operator->() const { return value_; }
  [[nodiscard]] explicit operator bool() const { return value_ != T{}; }
  /// For a function that makes one.
  [[nodiscard]] T* out() {
    reset();
    return &value_;
  }

 private:
  void reset() {
    if (value_ != T{}) give_back(library_, value_);
    value_ = T{};
  }
  krb5_context library_;
  T value_{};
};

using Krb5Principal = Krb5Handle<krb5_principal, krb5_free_principal>;
using Krb5Credentials = Krb5Handle<krb5_creds*, krb5_free_creds>;
using Krb5Text = Krb5Handle<char*, krb5_free_unparsed_name>;
using Krb5Options = Krb5Handle<krb5_get_init_creds_opt*, krb5_get_init_creds_opt_free>;
using Krb5InitialTalk = Krb5Handle<krb5_init_creds_context, krb5_init_creds_free>;
using Krb5UserCache = Krb5Handle<krb5_ccache, krb5_cc_close>;      ///< stays when it is closed
using Krb5MemoryCache = Krb5Handle<krb5_ccache, krb5_cc_destroy>;  ///< goes with its handle

[[nodiscard]] inline ByteSpan octets_of(const krb5_data& octets) {
  return {reinterpret_cast<const std::uint8_t*>(octets.data), octets.length};
}
/// "alice@LAB.TEST", for people: without escapes.
[[nodiscard]] std::string text_of(const Krb5& krb5, krb5_const_principal principal);

}  // namespace rdpwhy::net
