#include "rdpwhy/tls/alert.h"

#include "rdpwhy/base/writer.h"
#include "rdpwhy/tls/registry.h"
#include "tls/reading.h"

namespace rdpwhy::tls {

std::expected<Alert, DecodeError> decode_alert(ByteSpan fragment, Notes* notes) {
  Reader r(fragment, notes);
  Alert alert;
  alert.level = r.u8("level");
  if (r.wants_fields()) {
    r.value(alert.level == Alert::kWarning ? "1 warning"
            : alert.level == Alert::kFatal ? "2 fatal"
                                           : std::to_string(alert.level));
  }
  r.expect(alert.level == Alert::kWarning || alert.level == Alert::kFatal,
           "neither warning (1) nor fatal (2)", "level");
  alert.description = r.u8("description");
  show_name(r, alert_name(alert.description), alert.description, 2);
  r.expect(alert_name(alert.description).has_value(), "no alert with this number is registered",
           "description");
  return r.finish(alert);
}

Bytes encode(const Alert& alert) { return {alert.level, alert.description}; }

}  // namespace rdpwhy::tls
