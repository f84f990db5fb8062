#include "rdpwhy/crypto/channel_bindings.h"

#include <gtest/gtest.h>

#include "crypto/openssl_handles.h"
#include "crypto/tls_pair.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/crypto/digest.h"

namespace rdpwhy::crypto {
namespace {

using Key = CertificateRecipe::Key;

Bytes certificate_with(Key key, std::string digest = "SHA256") {
  auto recipe = recipe_for_tests();
  recipe.key = key;
  recipe.digest = std::move(digest);
  const auto made = make_self_signed(recipe).value();
  return der_of(read_pem_certificates(made.certificate_pem)->front().get());
}

/// The private key's own idea of its public half, in the encoding of its kind.
Bytes public_half(Key key) {
  auto recipe = recipe_for_tests();
  recipe.key = key;
  const auto made = make_self_signed(recipe).value();
  const auto private_key = read_pem_private_key(made.private_key_pem).value();
  if (key == Key::kEd25519) {
    Bytes raw(32);
    std::size_t size = raw.size();
    EXPECT_EQ(EVP_PKEY_get_raw_public_key(private_key.get(), raw.data(), &size), 1);
    return raw;
  }
  std::uint8_t* encoded = nullptr;
  const int size = i2d_PublicKey(private_key.get(), &encoded);
  EXPECT_GT(size, 0);
  Bytes octets(encoded, encoded + size);
  OPENSSL_free(encoded);
  return octets;
}

TEST(SubjectPublicKey, IsTheContentOfTheBitStringForEveryKindOfKey) {
  for (const auto key : {Key::kRsa1024, Key::kRsa2048, Key::kEcP256, Key::kEd25519}) {
    const auto read = subject_public_key(certificate_with(key));
    ASSERT_TRUE(read) << read.error().text;
    EXPECT_EQ(*read, public_half(key));
  }
}

TEST(SubjectPublicKey, OfWhatIsNoCertificateIsAnError) {
  EXPECT_FALSE(subject_public_key({}));
  EXPECT_FALSE(subject_public_key(base::as_bytes("no certificate")));
  auto cut = certificate_with(Key::kEcP256);
  cut.resize(cut.size() / 2);
  EXPECT_FALSE(subject_public_key(cut));
}

TEST(PublicKeyProof, UpToVersion4TheServerAddsOneToTheFirstOctet) {
  const Bytes key = {0xFF, 0x82, 0x01};
  const Bytes answer = {0x00, 0x82, 0x01};
  for (const std::uint32_t version : {2u, 3u, 4u}) {
    EXPECT_EQ(client_public_key_proof(version, key, {}), key);
    EXPECT_EQ(server_public_key_proof(version, key, {}), answer);
  }
  EXPECT_TRUE(server_public_key_proof(2, {}, {}).empty());
}

TEST(PublicKeyProof, FromVersion5BothHashANonceAndTheKey) {
  const Bytes key(70, 0x30);
  const Bytes nonce(32, 0x17);
  // SHA-256 over the text with its zero octet, the nonce and the key.
  const auto hash = [&](std::string_view text) {
    Bytes all(text.begin(), text.end());
    all.push_back(0);
    all.insert(all.end(), nonce.begin(), nonce.end());
    all.insert(all.end(), key.begin(), key.end());
    return base::to_hex(sha256(all));
  };
  for (const std::uint32_t version : {5u, 6u}) {
    EXPECT_EQ(base::to_hex(client_public_key_proof(version, key, nonce)),
              hash("CredSSP Client-To-Server Binding Hash"));
    EXPECT_EQ(base::to_hex(server_public_key_proof(version, key, nonce)),
              hash("CredSSP Server-To-Client Binding Hash"));
  }
}

TEST(ChannelBindings, AreMd5OverTheStructOfTheGssApi) {
  const auto hash =
      base::parse_hex("e3ca49271e5089cc48ce82109f1324f41dbeddc29a777410c738f7868c4ff405");
  EXPECT_EQ(base::to_hex(bindings_of_hash(*hash).value()), "6ea19df066da4622051f9c4f92c6df74");
}

TEST(ChannelBindings, TakeTheHashOfTheSignatureButNoneWeakerThanSha256) {
  for (const auto* digest : {"SHA1", "MD5", "SHA256"}) {
    const auto certificate = certificate_with(Key::kRsa2048, digest);
    const auto bindings = tls_server_end_point_bindings(certificate);
    ASSERT_TRUE(bindings) << digest;
    EXPECT_EQ(*bindings, bindings_of_hash(sha256(certificate)));
  }
  EXPECT_FALSE(tls_server_end_point_bindings(certificate_with(Key::kEd25519)));
  EXPECT_FALSE(tls_server_end_point_bindings({}));
}

}  // namespace
}  // namespace rdpwhy::crypto
