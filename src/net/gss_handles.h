#pragma once

#include <gssapi/gssapi.h>

#include <utility>

#include "rdpwhy/base/bytes.h"

namespace rdpwhy::net {

/// Something of GSSAPI's that has to be given back to it.
template <typename T, auto give_back>
class GssHandle {
 public:
  GssHandle() = default;
  GssHandle(GssHandle&& other) noexcept : value_(std::exchange(other.value_, T{})) {}
  GssHandle& operator=(GssHandle&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~GssHandle() {
    OM_uint32 ignored = 0;
    if (value_ != T{}) give_back(&ignored, &value_);
  }
  [[nodiscard]] T get() const { return value_; }
  [[nodiscard]] T* out() { return &value_; }

 private:
  T value_{};
};

inline OM_uint32 give_back_context(OM_uint32* minor, gss_ctx_id_t* held) {
  return gss_delete_sec_context(minor, held, nullptr);
}

using GssName = GssHandle<gss_name_t, gss_release_name>;
using GssCredential = GssHandle<gss_cred_id_t, gss_release_cred>;
using GssContext = GssHandle<gss_ctx_id_t, give_back_context>;

/// Octets that GSSAPI made.
class GssOctets {
 public:
  GssOctets() = default;
  GssOctets(const GssOctets&) = delete;
  GssOctets& operator=(const GssOctets&) = delete;
  ~GssOctets() {
    OM_uint32 ignored = 0;
    gss_release_buffer(&ignored, &buffer_);
  }
  [[nodiscard]] gss_buffer_t out() { return &buffer_; }
  [[nodiscard]] std::span<std::uint8_t> octets() const {
    return {static_cast<std::uint8_t*>(buffer_.value), buffer_.length};
  }

 private:
  gss_buffer_desc buffer_ = GSS_C_EMPTY_BUFFER;
};

/// Octets as GSSAPI takes them: it only reads.
[[nodiscard]] inline gss_buffer_desc gss_view(ByteSpan octets) {
  return {.length = octets.size(), .value = const_cast<std::uint8_t*>(octets.data())};
}

}  // namespace rdpwhy::net
