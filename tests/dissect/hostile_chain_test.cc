#include <gtest/gtest.h>

#include "dissect/streams.h"
#include "rdpwhy/base/writer.h"
#include "rdpwhy/record/queries.h"

namespace rdpwhy::dissect {
namespace {

using namespace streams;  // NOLINT: the vocabulary of these tests

Bytes chain_of(unsigned count) {
  Writer list;
  for (unsigned i = 0; i < count; ++i) list.u24be(3).u24be(i);
  const auto octets = list.take();
  Writer body;
  body.u24be(static_cast<std::uint32_t>(octets.size())).bytes(octets);
  return record(tls::ContentType::kHandshake,
                handshake(tls::HandshakeType::kCertificate, body.take()));
}

struct Read {
  HandshakeRecord record;
  unsigned certificates = 0;
};

Read read_chains(std::initializer_list<unsigned> counts) {
  Read result;
  auto dissector = make_tls_dissector({.read_certificate =
                                           [&](ByteSpan der) {
                                             ++result.certificates;
                                             auto facts =
                                                 std::make_shared<record::CertificateFacts>();
                                             facts->der = base::to_bytes(der);
                                             return facts;
                                           },
                                       .make_opener = {}});
  for (const auto count : counts) dissector.bytes(Side::kServer, chain_of(count), {1});
  result.record = dissector.take();
  return result;
}

TEST(HostileChain, IsReadUpToABoundAndSaysSo) {
  const auto read = read_chains({2000});
  EXPECT_EQ(read.certificates, 64U);
  const auto* evidence = record::first_evidence<record::Certificates>(read.record);
  ASSERT_NE(evidence, nullptr);
  EXPECT_EQ(std::get<record::Certificates>(evidence->fact).chain.size(), 64U);
  ASSERT_EQ(evidence->notes.size(), 1U);
  EXPECT_EQ(evidence->notes[0].text, "2000 certificates, of which 64 are read");
}

TEST(HostileChain, TheBoundHoldsForAllChainsOfAConnection) {
  EXPECT_EQ(read_chains({30, 30, 30, 30}).certificates, 64U);
}

TEST(HostileChain, ALongOneThatIsHonestIsReadWhole) {
  const auto read = read_chains({64});
  EXPECT_EQ(read.certificates, 64U);
  EXPECT_TRUE(record::first_evidence<record::Certificates>(read.record)->notes.empty());
}

}  // namespace
}  // namespace rdpwhy::dissect
