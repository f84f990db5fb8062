#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>

#include "crypto/certificate_files.h"
#include "crypto/tls_pair.h"
#include "rdpwhy/crypto/certificate.h"

namespace rdpwhy::crypto {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using enum CertificateProblem;
using Key = CertificateRecipe::Key;
using Problems = std::vector<CertificateProblem>;

const Moment kNow = base::from_seconds(1'800'000'000);

TrustStore store_of(const std::string& pem) { return std::move(*TrustStore::from_pem(pem)); }

Problems judge_with(TrustStore store, const std::string& chain_pem,
                    const std::string& name = "host.lab", Moment now = kNow) {
  CertificateJudge judge(std::move(store));
  return judge.judge(read_chain(chain_pem), name, now);
}

MadeCertificate issued(const CertificateRecipe& recipe, bool include_issuer) {
  auto made = make_issued(recipe, include_issuer);
  EXPECT_TRUE(made) << made.error().text;
  return std::move(*made);
}

CertificateRecipe below_an_intermediate() {
  auto recipe = recipe_for_tests();
  recipe.intermediate = true;
  return recipe;
}

TEST(CertificateJudge, ATrustedChainForTheRightNameHasNoProblem) {
  for (const bool intermediate : {false, true}) {
    auto recipe = recipe_for_tests();
    recipe.intermediate = intermediate;
    const auto made = issued(recipe, true);
    EXPECT_THAT(judge_with(store_of(made.issuer_pem), made.certificate_pem), IsEmpty());
  }
}

TEST(CertificateJudge, ASelfSignedLeafIsCalledSoUnlessItIsAnAnchor) {
  const auto made = *make_self_signed(recipe_for_tests());
  EXPECT_THAT(judge_with(TrustStore::none(), made.certificate_pem), ElementsAre(kSelfSigned));
  EXPECT_THAT(judge_with(store_of(made.certificate_pem), made.certificate_pem), IsEmpty());
  EXPECT_THAT(judge_with(TrustStore::none(), made.certificate_pem, ""), ElementsAre(kSelfSigned));
}

TEST(CertificateJudge, AMissingIntermediateIsToldFromAnUntrustedIssuer) {
  const auto made = issued(below_an_intermediate(), false);
  const auto root = made.issuer_pem;
  EXPECT_THAT(judge_with(store_of(root), made.certificate_pem), ElementsAre(kMissingIntermediate));
  const auto with_intermediate = made.certificate_pem + made.intermediate_pem;
  EXPECT_THAT(judge_with(store_of(root), with_intermediate), IsEmpty());
  EXPECT_THAT(judge_with(TrustStore::none(), with_intermediate), ElementsAre(kUntrustedIssuer));
  EXPECT_THAT(judge_with(TrustStore::none(), with_intermediate + root),
              ElementsAre(kUntrustedIssuer));
  // The root sent instead of the intermediate helps nobody.
  EXPECT_THAT(judge_with(store_of(root), made.certificate_pem + root),
              ElementsAre(kMissingIntermediate));
}

TEST(CertificateJudge, OrderAndStrayCertificatesDoNotMatter) {
  const auto made = issued(below_an_intermediate(), false);
  auto stray_recipe = recipe_for_tests();
  stray_recipe.key = Key::kEcP256;
  const auto stray = make_self_signed(stray_recipe)->certificate_pem;
  const auto chain = made.certificate_pem + stray + made.issuer_pem + made.intermediate_pem +
                     made.intermediate_pem + made.certificate_pem;
  EXPECT_THAT(judge_with(store_of(stray + made.issuer_pem), chain), IsEmpty());
}

TEST(CertificateJudge, AnIntermediateMayBeAnAnchor) {
  const auto made = issued(below_an_intermediate(), false);
  EXPECT_THAT(judge_with(store_of(made.intermediate_pem), made.certificate_pem), IsEmpty());
}

TEST(CertificateJudge, DatesAreJudgedAtTheGivenTimeToTheLastSecond) {
  const auto made = issued(recipe_for_tests(), true);
  const auto at = [&](std::int64_t seconds, Nanoseconds more = 0) {
    return judge_with(store_of(made.issuer_pem), made.certificate_pem, "host.lab",
                      {base::from_seconds(seconds).ns + more});
  };
  EXPECT_THAT(at(1'699'999'999, 999'999'999), ElementsAre(kNotYetValid));
  EXPECT_THAT(at(1'700'000'000), IsEmpty());
  EXPECT_THAT(at(1'900'000'000, 999'999'999), IsEmpty());
  EXPECT_THAT(at(1'900'000'001), ElementsAre(kExpired));
  EXPECT_THAT(at(0), ElementsAre(kNotYetValid));
  EXPECT_THAT(at(9'000'000'000), ElementsAre(kExpired));  // the CA too, said once
}

TEST(CertificateJudge, TheCacheRemembersTheChainAndNotTheDateOrTheName) {
  const auto made = issued(recipe_for_tests(), true);
  const auto chain = read_chain(made.certificate_pem);
  for (const std::size_t capacity : {std::size_t{0}, std::size_t{1}, std::size_t{4096}}) {
    CertificateJudge judge(store_of(made.issuer_pem), capacity);
    for (int round = 0; round < 2; ++round) {
      EXPECT_THAT(judge.judge(chain, "host.lab", kNow), IsEmpty());
      EXPECT_THAT(judge.judge(chain, "other.lab", kNow), ElementsAre(kNameMismatch));
      EXPECT_THAT(judge.judge(chain, "host.lab", {}), ElementsAre(kNotYetValid));
      EXPECT_THAT(judge.judge({chain[1]}, "", kNow), IsEmpty());
    }
  }
}

TEST(CertificateJudge, WeakKeysAndSignaturesAreFound) {
  const auto with = [](Key key, const char* digest) {
    auto recipe = recipe_for_tests();
    recipe.key = key;
    recipe.digest = digest;
    return judge_with(TrustStore::none(), make_self_signed(recipe)->certificate_pem);
  };
  EXPECT_THAT(with(Key::kRsa1024, "SHA256"), ElementsAre(kSelfSigned, kWeakKey));
  EXPECT_THAT(with(Key::kRsa2048, "SHA1"), ElementsAre(kSelfSigned, kWeakSignature));
  EXPECT_THAT(with(Key::kRsa1024, "MD5"), ElementsAre(kSelfSigned, kWeakKey, kWeakSignature));
  EXPECT_THAT(with(Key::kEcP256, "SHA256"), ElementsAre(kSelfSigned));
  EXPECT_THAT(with(Key::kEd25519, "SHA1"), ElementsAre(kSelfSigned));
}

TEST(CertificateJudge, UsagesOtherThanAServersAreWrong) {
  const auto with = [](std::vector<std::string> usages) {
    auto recipe = recipe_for_tests();
    recipe.extended_key_usage = std::move(usages);
    return judge_with(TrustStore::none(), make_self_signed(recipe)->certificate_pem);
  };
  EXPECT_THAT(with({}), ElementsAre(kSelfSigned));
  EXPECT_THAT(with({"clientAuth"}), ElementsAre(kSelfSigned, kWrongUsage));
  EXPECT_THAT(with({"clientAuth", "serverAuth"}), ElementsAre(kSelfSigned));
  EXPECT_THAT(with({"1.3.6.1.4.1.311.54.1.2"}), ElementsAre(kSelfSigned));
  EXPECT_THAT(with({"anyExtendedKeyUsage"}), ElementsAre(kSelfSigned));
}

TEST(CertificateJudge, VersionOneIsSaid) {
  auto recipe = recipe_for_tests();
  recipe.version = 1;
  recipe.common_name = "host.lab";
  EXPECT_THAT(judge_with(TrustStore::none(), make_self_signed(recipe)->certificate_pem),
              ElementsAre(kSelfSigned, kNotV3));
}

TEST(CertificateJudge, ProblemsComeInOrderAndOnce) {
  auto recipe = recipe_for_tests();
  recipe.key = Key::kRsa1024;
  recipe.digest = "MD5";
  recipe.extended_key_usage = {"codeSigning"};
  EXPECT_THAT(
      judge_with(TrustStore::none(), make_self_signed(recipe)->certificate_pem, "other",
                 base::from_seconds(2'000'000'000)),
      ElementsAre(kExpired, kSelfSigned, kNameMismatch, kWeakKey, kWeakSignature, kWrongUsage));
}

TEST(CertificateJudge, SaysNothingWithoutAReadableLeaf) {
  CertificateJudge judge(TrustStore::none());
  EXPECT_THAT(judge.judge({}, "host.lab", kNow), IsEmpty());
  EXPECT_THAT(judge.judge({nullptr}, "host.lab", kNow), IsEmpty());
  const auto garbage = std::make_shared<record::CertificateFacts>(read_certificate({}));
  EXPECT_THAT(judge.judge({garbage}, "host.lab", kNow), IsEmpty());
  auto chain = read_chain(make_self_signed(recipe_for_tests())->certificate_pem);
  chain.push_back(garbage);
  chain.push_back(nullptr);
  EXPECT_THAT(judge.judge(chain, "host.lab", kNow), ElementsAre(kSelfSigned));
}

TEST(CertificateJudge, AThousandCertificatesOfOneNameCostBoundedWork) {
  const auto made = issued(recipe_for_tests(), true);
  auto chain = read_chain(made.certificate_pem);
  for (int i = 0; i < 1000; ++i) chain.push_back(chain[1]);
  CertificateJudge judge(TrustStore::none());
  EXPECT_THAT(judge.judge(chain, "host.lab", kNow), ElementsAre(kUntrustedIssuer));
}

TEST(CertificateProblem, NamesAreTheContracts) {
  EXPECT_EQ(name_of(kMissingIntermediate), "missing_intermediate");
  EXPECT_EQ(name_of(kNotV3), "not_v3");
}

TEST(TrustStore, TextWithoutACertificateIsAnError) {
  EXPECT_FALSE(TrustStore::from_pem(""));
  EXPECT_FALSE(
      TrustStore::from_pem("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"));
}

TEST(TrustStore, AHashedDirectoryIsAskedOnlyForWhatAChainNeeds) {
  if (!have("openssl")) GTEST_SKIP() << "skipped: no openssl program";
  const auto made = issued(below_an_intermediate(), true);
  const auto folder = scratch_folder("hashed");
  write_file(folder / "root.pem", made.issuer_pem);
  write_file(folder / "other.pem", make_self_signed(recipe_for_tests())->certificate_pem);
  ASSERT_EQ(run("openssl rehash " + folder.string()).exit_code, 0);
  std::vector<std::string> asked;
  CertificateJudge judge(TrustStore::hashed_directory([&](const std::string& name) {
    asked.push_back(name);
    return read_file(folder / name);
  }));
  const auto chain = read_chain(made.certificate_pem);
  EXPECT_THAT(judge.judge(chain, "host.lab", kNow), IsEmpty());
  // The leaf's name, which another certificate bears too; the intermediate's; the root's. After
  // each file that is there comes the question for the next.
  EXPECT_LE(asked.size(), 5u);
  const auto before = asked.size();
  EXPECT_THAT(judge.judge(chain, "host.lab", kNow), IsEmpty());
  EXPECT_EQ(asked.size(), before);
}

TEST(TrustStore, AnUnreadableFileInAHashedDirectoryHidesNoOther) {
  const auto made = issued(recipe_for_tests(), false);
  CertificateJudge judge(TrustStore::hashed_directory([&](const std::string& name) {
    if (name.ends_with(".0")) return std::optional<std::string>("garbage");
    if (name.ends_with(".1")) return std::optional<std::string>(made.issuer_pem);
    return std::optional<std::string>();
  }));
  EXPECT_THAT(judge.judge(read_chain(made.certificate_pem), "host.lab", kNow), IsEmpty());
}

// --- names ---------------------------------------------------------------------------------------

struct NameCase {
  std::vector<std::string> dns_names;
  std::vector<std::string> addresses;
  std::string common_name;
  std::string name;
  bool matches;
};

const std::vector<NameCase> kNameCases = {
    {{"host.lab"}, {}, "x", "host.lab", true},
    {{"host.lab"}, {}, "x", "HOST.Lab", true},
    {{"host.lab"}, {}, "x", "host.lab.", true},
    {{"host.lab"}, {}, "x", "host", false},
    {{"host.lab"}, {}, "x", "ahost.lab", false},
    {{"host.lab"}, {}, "other.lab", "other.lab", false},  // a DNS name is there: no common name
    {{}, {}, "other.lab", "other.lab", true},
    {{"*.example.com"}, {}, "x", "a.example.com", true},
    {{"*.example.com"}, {}, "x", "A.EXAMPLE.com", true},
    {{"*.example.com"}, {}, "x", "a.b.example.com", false},
    {{"*.example.com"}, {}, "x", "example.com", false},
    {{"*.example.com"}, {}, "x", ".example.com", false},
    {{"*.com"}, {}, "x", "example.com", false},
    {{"a.*.com"}, {}, "x", "a.b.com", false},
    {{"*"}, {}, "x", "host", false},
    {{}, {}, "*.example.com", "a.example.com", true},
    {{}, {"192.0.2.1"}, "x", "192.0.2.1", true},
    {{}, {"192.0.2.1"}, "x", "192.0.2.2", false},
    {{}, {"2001:db8::1"}, "x", "2001:DB8:0:0:0:0:0:1", true},
    {{"192.0.2.1.lab"}, {"192.0.2.1"}, "x", "192.0.2.1", true},
    {{"host.lab"}, {}, "192.0.2.1", "192.0.2.1", false},
};

CertificateRecipe recipe_of(const NameCase& one) {
  auto recipe = recipe_for_tests();
  recipe.key = Key::kEcP256;
  recipe.common_name = one.common_name;
  recipe.dns_names = one.dns_names;
  recipe.ip_addresses = one.addresses;
  return recipe;
}

TEST(MatchesName, FollowsRfc6125) {
  for (const auto& one : kNameCases) {
    const auto chain = read_chain(make_self_signed(recipe_of(one))->certificate_pem);
    EXPECT_EQ(matches_name(*chain.at(0), one.name), one.matches)
        << one.name << " against " << one.common_name << " "
        << (one.dns_names.empty() ? "" : one.dns_names[0]);
  }
}

TEST(MatchesName, AddressesMayWearBracketsAndAZone) {
  auto recipe = recipe_for_tests();
  recipe.ip_addresses = {"2001:db8::1", "fe80::1"};
  const auto chain = read_chain(make_self_signed(recipe)->certificate_pem);
  EXPECT_TRUE(matches_name(*chain[0], "[2001:db8::1]"));
  EXPECT_TRUE(matches_name(*chain[0], "fe80::1%eth0"));
  EXPECT_FALSE(matches_name(*chain[0], "[2001:db8::2]"));
}

TEST(MatchesName, ALegacyCommonNameMayBeAnAddress) {
  auto recipe = recipe_for_tests();
  recipe.common_name = "192.0.2.1";
  recipe.dns_names.clear();
  const auto chain = read_chain(make_self_signed(recipe)->certificate_pem);
  EXPECT_TRUE(matches_name(*chain[0], "192.0.2.1"));
  EXPECT_FALSE(matches_name(*chain[0], "192.0.2.10"));
}

TEST(MatchesName, AgreesWithTheOpensslProgram) {
  if (!have("openssl")) GTEST_SKIP() << "skipped: no openssl program";
  const auto folder = scratch_folder("names");
  for (const auto& one : kNameCases) {
    // Known differences: openssl does not pass over a trailing dot, and a leading one asks for any
    // host of a domain.
    if (one.name.ends_with('.') || one.name.starts_with('.')) continue;
    write_file(folder / "leaf.pem", make_self_signed(recipe_of(one))->certificate_pem);
    const bool address = one.name.find_first_not_of("0123456789.") == std::string::npos ||
                         one.name.find(':') != std::string::npos;
    const auto says =
        run(fmt::format("openssl x509 -noout -in {} {} '{}'", (folder / "leaf.pem").string(),
                        address ? "-checkip" : "-checkhost", one.name));
    const bool matches = says.output.find("does match") != std::string::npos;
    EXPECT_EQ(matches, one.matches) << one.name << ": " << says.output;
  }
}

// --- chains made by another program, judged by another program -----------------------------------

/// A small public key infrastructure made by the openssl program, with what goes wrong in real
/// ones.
class Infrastructure : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!have("openssl")) GTEST_SKIP() << "skipped: no openssl program";
    folder_ = scratch_folder("chains");
    root("root", "CA:TRUE");
    root("stranger", "CA:TRUE");
    root("short", "CA:TRUE,pathlen:0");
    root("impostor", "CA:TRUE", "inter");
    sign("inter", "root", "basicConstraints=critical,CA:TRUE");
    sign("deep", "inter", "basicConstraints=critical,CA:TRUE");
    sign("no_ca", "root", "basicConstraints=critical,CA:FALSE");
    sign("no_constraints", "root", "subjectKeyIdentifier=hash");
    sign("no_cert_sign", "root", "basicConstraints=CA:TRUE\nkeyUsage=digitalSignature");
    sign("short_inter", "short", "basicConstraints=CA:TRUE");
    sign("critical", "root", "basicConstraints=CA:TRUE\n1.2.3.4=critical,ASN1:UTF8String:x");
    sign("named", "root",
         "basicConstraints=CA:TRUE\nnameConstraints=critical,permitted;DNS:allowed.lab");
    for (const auto* issuer : {"root", "inter", "deep", "no_ca", "no_constraints", "no_cert_sign",
                               "short", "short_inter", "critical", "named"}) {
      sign(fmt::format("leaf_{}", issuer), issuer, "subjectAltName=DNS:host.lab");
    }
    sign("allowed_named", "named", "subjectAltName=DNS:host.allowed.lab");
  }

  std::string path(const std::string& name) const { return (folder_ / (name + ".pem")).string(); }

  void key(const std::string& name) {
    const auto made =
        run("openssl ecparam -name prime256v1 -genkey -noout -out " + path(name + ".key"));
    ASSERT_EQ(made.exit_code, 0) << made.output;
  }

  void root(const std::string& name, const std::string& constraints,
            const std::string& common_name = "") {
    key(name);
    write_file(folder_ / "req.cnf",
               "[req]\ndistinguished_name=dn\nx509_extensions=ca\n[dn]\n[ca]\nbasicConstraints="
               "critical," +
                   constraints + "\nsubjectKeyIdentifier=hash\n");
    const auto made =
        run(fmt::format("openssl req -x509 -new -key {} -subj /CN={} -days 3650 -out {} -config {}",
                        path(name + ".key"), common_name.empty() ? name : common_name, path(name),
                        (folder_ / "req.cnf").string()));
    ASSERT_EQ(made.exit_code, 0) << made.output;
  }

  void sign(const std::string& name, const std::string& issuer, const std::string& extensions) {
    key(name);
    write_file(folder_ / "req.cnf", "[req]\ndistinguished_name=dn\n[dn]\n");
    write_file(folder_ / "extensions.cnf", extensions + "\n");
    const auto made = run(fmt::format(
        "openssl req -new -key {0} -subj /CN={1} -config {2} | openssl x509 -req -CA {3} -CAkey "
        "{4} "
        "-days 3000 -set_serial {5} -extfile {6} -out {7}",
        path(name + ".key"), name, (folder_ / "req.cnf").string(), path(issuer),
        path(issuer + ".key"), ++serial_, (folder_ / "extensions.cnf").string(), path(name)));
    ASSERT_EQ(made.exit_code, 0) << made.output;
  }

  std::string pem(const std::string& name) const {
    return read_file(folder_ / (name + ".pem")).value_or("");
  }

  /// Our verdict and that of `openssl verify` on the same chain, root and time.
  void expect_same_verdict(const std::vector<std::string>& chain, const std::string& anchor) {
    std::string sent;
    std::string untrusted;
    for (std::size_t i = 0; i < chain.size(); ++i) {
      sent += pem(chain[i]);
      if (i > 0) untrusted += " -untrusted " + path(chain[i]);
    }
    const Moment now = base::from_seconds(std::time(nullptr) + 3600);
    CertificateJudge judge(store_of(pem(anchor)));
    const auto ours = judge.judge(read_chain(sent), "", now);
    const auto theirs =
        run(fmt::format("openssl verify -no-CApath -no-CAstore -partial_chain -auth_level 0 "
                        "-attime {} -CAfile {} {} {}",
                        now.ns / 1'000'000'000, path(anchor), untrusted, path(chain[0])));
    EXPECT_EQ(ours.empty(), theirs.exit_code == 0)
        << chain[0] << " of " << chain.size() << " under " << anchor << ": " << theirs.output
        << (ours.empty() ? "" : name_of(ours[0]));
  }

  std::filesystem::path folder_;
  int serial_ = 1000;
};

TEST_F(Infrastructure, OurVerdictIsThatOfOpensslVerify) {
  const std::vector<std::vector<std::string>> chains = {
      {"leaf_root"},
      {"leaf_inter"},
      {"leaf_inter", "inter"},
      {"leaf_inter", "inter", "root"},
      {"leaf_inter", "root", "inter"},
      {"leaf_deep", "deep", "inter"},
      {"leaf_deep", "inter", "deep"},
      {"leaf_deep", "deep"},
      {"leaf_deep", "inter"},
      {"leaf_no_ca", "no_ca"},
      {"leaf_no_constraints", "no_constraints"},
      {"leaf_no_cert_sign", "no_cert_sign"},
      {"leaf_short"},
      {"leaf_short_inter", "short_inter"},
      {"leaf_critical", "critical"},
      {"leaf_named", "named"},
      {"allowed_named", "named"},
      {"leaf_inter", "stranger", "short", "inter"},
      {"leaf_inter", "impostor"},
      {"leaf_inter", "impostor", "inter"},
      {"root"},
      {"stranger"},
  };
  for (const auto& chain : chains) {
    for (const auto* anchor : {"root", "stranger", "short", "impostor", "inter"})
      expect_same_verdict(chain, anchor);
  }
}

TEST_F(Infrastructure, WhatStandsInTheWayIsNamed) {
  const auto with_root = [&](const std::string& chain) {
    return judge_with(store_of(pem("root")), chain, "",
                      base::from_seconds(std::time(nullptr) + 60));
  };
  EXPECT_THAT(with_root(pem("leaf_no_ca") + pem("no_ca")), ElementsAre(kUntrustedIssuer));
  EXPECT_THAT(with_root(pem("leaf_named") + pem("named")), ElementsAre(kUntrustedIssuer));
  EXPECT_THAT(with_root(pem("leaf_deep") + pem("inter")), ElementsAre(kMissingIntermediate));
  EXPECT_THAT(with_root(pem("stranger")), ElementsAre(kSelfSigned));
  // The issuer's name with another key is not the issuer.
  EXPECT_THAT(with_root(pem("leaf_inter") + pem("impostor")), ElementsAre(kMissingIntermediate));
}

}  // namespace
}  // namespace rdpwhy::crypto
