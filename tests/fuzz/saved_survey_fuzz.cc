// A survey that somebody saved and `rdpwhy compare` reads: whatever stands in it, it is an error
// that says what is wrong, or a configuration that equals itself.

#include "oracles/oracle.h"
#include "rdpwhy/base/bytes.h"
#include "rdpwhy/report/tls_survey.h"

using rdpwhy::oracle::hold;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
  const auto saved = rdpwhy::report::read_saved_survey(rdpwhy::base::as_text({octets, size}));
  if (!saved) {
    hold(!saved.error().text.empty(), "an error has words");
    return 0;
  }
  const auto comparison = rdpwhy::survey::compare(saved->result, saved->result);
  hold(comparison.differences.empty(), "a configuration does not differ from itself");
  const rdpwhy::report::ComparisonSubject subject{
      .first = saved->target, .second = saved->target, .comparison = &comparison};
  std::string json;
  rdpwhy::report::append_json(json, subject);
  hold(json.find('\n') == std::string::npos, "JSON on one line");
  hold(!rdpwhy::report::to_text(subject, {}).empty(), "a comparison has words");
  return 0;
}
