#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "rdpwhy/record/certificate_facts.h"
#include "report/json_writer.h"

namespace rdpwhy::report {

/// {"code": 5, "name": "HYBRID_REQUIRED_BY_SERVER"}; an unknown one has a null name.
inline void write_code(JsonWriter& w, std::uint64_t code, std::optional<std::string_view> name) {
  w.begin_object();
  w.member_number("code", code);
  if (name) {
    w.member("name", *name);
  } else {
    w.member_null("name");
  }
  w.end_object();
}

/// One certificate of a chain, bounded.
void write_certificate(JsonWriter& w, const record::CertificateFacts& facts);

}  // namespace rdpwhy::report
