// The reader under any order of reads and scopes: it stays within its octets, and a failure sticks.
#include <string_view>

#include "oracles/oracle.h"
#include "rdpwhy/base/reader.h"

namespace {

using rdpwhy::Reader;

using rdpwhy::oracle::hold;

/// Octets of a program: each says what to read next.
class Program {
 public:
  explicit Program(rdpwhy::ByteSpan octets) : octets_(octets) {}
  std::uint8_t next() { return position_ < octets_.size() ? octets_[position_++] : 0; }
  [[nodiscard]] bool over() const { return position_ >= octets_.size(); }

 private:
  rdpwhy::ByteSpan octets_;
  std::size_t position_ = 0;
};

void read_by(Program& program, Reader& r, rdpwhy::ByteSpan all, int depth) {
  for (int steps = 0; steps < 64 && !program.over(); ++steps) {
    const bool failed = r.failed();
    const auto before = r.offset();
    switch (program.next() % 16) {
      case 0:
        r.u8("u8");
        break;
      case 1:
        r.u16be("u16be");
        break;
      case 2:
        r.u24be("u24be");
        break;
      case 3:
        r.u32be("u32be");
        break;
      case 4:
        r.u64be("u64be");
        break;
      case 5:
        r.u16le("u16le");
        break;
      case 6:
        r.u32le("u32le");
        break;
      case 7:
        r.u64le("u64le");
        break;
      case 8: {
        const std::size_t wanted = program.next();
        const auto view = r.bytes(wanted, "bytes");
        hold(view.empty() || (view.size() == wanted && view.data() >= all.data() &&
                              view.data() + view.size() <= all.data() + all.size()),
             "a view lies within the message");
        break;
      }
      case 9:
        r.rest("rest");
        break;
      case 10:
        hold(r.peek(program.next()).size() <= all.size(), "a peek is bounded");
        break;
      case 11:
        r.expect((program.next() & 1) != 0, "odd", "expected");
        break;
      case 12:
        r.require(program.next() != 7, "wrong", "required");
        break;
      case 13:
      case 14:
        if (depth < 8) {
          auto scope = program.next() % 2 == 0 ? r.block8("block8") : r.block16be("block16be");
          read_by(program, scope, all, depth + 1);
        }
        break;
      default:
        if (depth < 8) {
          auto scope = r.isolated(program.next(), "isolated");
          read_by(program, scope, all, depth + 1);
        }
    }
    hold(r.offset() >= before && r.offset() <= all.size(), "reading goes on and stays within");
    hold(!failed || r.failed(), "a failure sticks");
    if (r.failed()) {
      hold(!r.more() && r.left() == 0, "nothing is left after a failure");
      hold(r.u32be("after") == 0, "reads after a failure give zero");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t split = 1 + octets[0] % size;
  Program program({octets + 1, split - 1});
  const rdpwhy::ByteSpan message(octets + split, size - split);
  rdpwhy::Notes notes(rdpwhy::Notes::Detail::kFields);
  Reader r(message, &notes);
  read_by(program, r, message, 0);
  const auto result = r.finish(1);
  if (!result) {
    hold(result.error().offset <= message.size(), "an error lies within the message");
    hold(!result.error().message().empty(), "an error says something");
  }
  for (const auto& field : notes.fields) {
    hold(field.offset + field.size <= message.size(), "a field lies within the message");
  }
  return 0;
}
