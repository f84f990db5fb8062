#pragma once

#include "diagnose/reading.h"

namespace rdpwhy::diagnose {

/// The first message of the server behind the ending with which the client gave up waiting; null
/// where none came while it was still listened to. Its goodbye is no answer.
[[nodiscard]] const Evidence* late_answer(const Reading& reading);

/// True when there was one: then nothing is lost on the way or silent for good, only slow.
bool judge_late_answer(const Reading& reading, Findings& findings);

}  // namespace rdpwhy::diagnose
