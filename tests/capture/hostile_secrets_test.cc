#include <gtest/gtest.h>

#include "rdpwhy/base/writer.h"
#include "rdpwhy/capture/capture_reader.h"

namespace rdpwhy::capture {
namespace {

void add_block(Bytes& file, std::uint32_t type, ByteSpan body) {
  Writer w;
  const auto size = static_cast<std::uint32_t>(body.size() + 12);
  w.u32le(type).u32le(size).bytes(body).u32le(size);
  const auto made = w.take();
  file.insert(file.end(), made.begin(), made.end());
}

Bytes section() {
  Writer w;
  w.u32le(0x1A2B3C4D).u16le(1).u16le(0).u64le(~std::uint64_t{0});
  Bytes file;
  add_block(file, 0x0A0D0D0A, w.take());
  return file;
}

TEST(HostileSecrets, EmptyBlocksAreNotKept) {
  auto file = section();
  const Bytes empty = {0x4B, 0x53, 0x4C, 0x54, 0, 0, 0, 0};
  for (int i = 0; i < 1000; ++i) add_block(file, 10, empty);
  const auto reader = CaptureReader::open(file);
  ASSERT_TRUE(reader);
  EXPECT_TRUE(reader->tls_key_logs().empty());
}

TEST(HostileSecrets, ManyTinyBlocksCountForWhatTheyTakeInMemory) {
  auto file = section();
  const Bytes tiny = {0x4B, 0x53, 0x4C, 0x54, 1, 0, 0, 0, 'x', 0, 0, 0};
  constexpr std::size_t kBlocks = 1'100'000;  // 26 MB of file, more than 64 MiB of small texts
  for (std::size_t i = 0; i < kBlocks; ++i) add_block(file, 10, tiny);
  const auto reader = CaptureReader::open(file);
  ASSERT_TRUE(reader);
  EXPECT_GT(reader->tls_key_logs().size(), 1'000'000U);
  EXPECT_LT(reader->tls_key_logs().size(), kBlocks);
}

}  // namespace
}  // namespace rdpwhy::capture
