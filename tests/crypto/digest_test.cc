#include "rdpwhy/crypto/digest.h"

#include <gtest/gtest.h>

#include "rdpwhy/base/hex.h"

namespace rdpwhy::crypto {
namespace {

TEST(Digest, AgreesWithFips180) {  // the examples of FIPS 180 for "abc" and the empty message
  EXPECT_EQ(base::to_hex(sha1(base::as_bytes("abc"))), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(base::to_hex(sha256(base::as_bytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(base::to_hex(sha256({})),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Digest, AgreesWithRfc1321) {
  const auto of_abc = md5(base::as_bytes("abc"));
  if (!of_abc) GTEST_SKIP() << "this OpenSSL has no MD5";
  EXPECT_EQ(base::to_hex(*of_abc), "900150983cd24fb0d6963f7d28e17f72");
}

}  // namespace
}  // namespace rdpwhy::crypto
