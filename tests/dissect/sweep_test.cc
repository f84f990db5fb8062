// Hand-made connections, cut, ended and damaged at every position. Those of captures: tests/replay.
#include <gtest/gtest.h>

#include "dissect/dissect_oracles.h"

namespace rdpwhy::dissect {
namespace {

using namespace streams;  // NOLINT: the vocabulary of these tests
using How = record::Ending::How;

std::vector<Connection> connections() {
  using tls::ContentType;
  const auto hello = record(ContentType::kHandshake, client_hello_message());
  std::vector<Connection> out = {tls12_connection()};
  out.push_back({client(joined({text("PROXY TCP4 10.0.0.1 10.0.0.2 1234 3389\r\n"), request()})),
                 server(refusal(5)), client(hello), server(alert(2, 40)), ended(Side::kServer)});
  out.push_back({client({5, 1, 0}), server({5, 0}), client({5, 1, 0, 1, 10, 0, 0, 1, 0x0D, 0x3D}),
                 server({5, 0, 0, 1, 0, 0, 0, 0, 0, 0}), client(request()), server(confirm(1)),
                 client(hello), server(ultimatum()), ended(Side::kServer, How::kReset)});
  out.push_back({client(text("CONNECT rdp.host:3389 HTTP/1.1\r\n\r\n")),
                 server(text("HTTP/1.1 200 OK\r\n\r\n")), client(request()),
                 server(text("SSH-2.0-OpenSSH_9.2\r\nmore")), ended(Side::kClient)});
  out.push_back({client(request(0)), server(confirm(0)),
                 client({3, 0, 0, 12, 2, 0xF0, 0x80, 0x7F, 0x65, 1, 2, 3}),
                 server({3, 0, 0, 9, 2, 0xF0, 0x80, 0x68, 1}), server({0, 5, 1, 2, 3}),
                 ended(Side::kServer)});
  out.push_back({client(request()), server(confirm(2)),
                 client(record(ContentType::kHandshake, client_hello_message(true))),
                 server(joined({record(ContentType::kHandshake, server_hello_message(true)),
                                change_cipher_spec(), sealed_data(600)})),
                 client(joined({change_cipher_spec(), sealed_data(53), sealed_data(90)})),
                 server(sealed_data(230)), ended(Side::kClient, How::kReset)});
  out.push_back({client(request()), server(Bytes(30, 0x99)), ended(Side::kClient)});
  out.push_back({client(request()), server(confirm(1)), client(hello), gap(Side::kServer, 100),
                 server(sealed_data(90)), ended(Side::kServer)});
  return out;
}

/// With something said inside TLS.
std::vector<Connection> opened_connections() {
  const auto deactivate = data_tpdu({0x68, 0xFC, 0x17, 0x03, 0xEB, 0x70, 0x80, 0x0D});
  auto challenge = ntlm_challenge();
  const Bytes begin(challenge.begin(), challenge.begin() + 9);
  const Bytes rest(challenge.begin() + 9, challenge.end());
  std::vector<Connection> out;
  out.push_back(opened_connection(
      8, credssp_exchange() + Connection{server(inside(joined({authorization(0), {3, 0}}))),
                                         server(inside({0, 8, 2, 0xF0, 0x80, 0x68})),
                                         server(inside({0, 5, 1})), ended(Side::kClient)}));
  out.push_back(opened_connection(
      2, {client(inside(ntlm_negotiate())), server(joined({inside(begin), inside(rest)})),
          client(inside(ntlm_authenticate())), server(inside(joined({deactivate, ultimatum()}))),
          server(sealed_alert(1, 0)), ended(Side::kServer)}));
  out.push_back(opened_connection(
      4,
      {server(inside(auth::encode(auth::RdstlsCapabilities{}))), client(inside({1, 0, 2, 0, 1, 0})),
       server(inside(auth::encode(auth::RdstlsAuthenticationResponse{0x52E}))),
       ended(Side::kServer, How::kReset)}));
  return out;
}

struct Sample {
  Connection connection;
  oracle::Way way;
};
std::vector<Sample> samples() {
  std::vector<Sample> out;
  for (auto& connection : connections()) out.push_back({std::move(connection), {}});
  for (auto& connection : opened_connections())
    out.push_back({std::move(connection), {.options = opening_options()}});
  return out;
}

std::size_t octets_of(const Connection& connection) {
  std::size_t n = 0;
  for (const auto& event : connection) n += event.octets.size();
  return n;
}

/// The first `n` octets of both sides together, in order, without what comes behind.
Connection truncated(const Connection& connection, std::size_t n) {
  Connection out;
  for (auto event : connection) {
    if (event.what != Event::What::kBytes) continue;
    if (event.octets.size() > n) event.octets.resize(n);
    n -= event.octets.size();
    if (!event.octets.empty()) out.push_back(event);
    if (n == 0) break;
  }
  return out;
}

TEST(DissectorSweep, EqualOctetsMakeEqualRecordsWhereverTheyAreCut) {
  for (const auto& [connection, way] : samples()) {
    oracle::check_connection(connection, way, 1);
    oracle::check_connection(connection, {.late = true, .options = way.options}, 2);
    const auto whole = oracle::play_whole(connection, way);
    for (const auto side : {Side::kClient, Side::kServer}) {
      for (std::size_t at = 1; at < octets_of(connection); ++at) {
        std::size_t passed = 0;
        oracle::check_same(whole, oracle::play_cut(connection, way, [&](Side of, std::size_t size) {
                             if (of != side) return std::size_t{0};
                             const bool here = passed < at && at < passed + size;
                             const auto n = here ? at - passed : size;
                             passed += n;
                             return n;
                           }));
      }
    }
  }
}

TEST(DissectorSweep, AStreamThatStopsAnywhereHasItsEndingAsLastEvidence) {
  for (const auto& [connection, way] : samples()) {
    for (std::size_t n = 0; n <= octets_of(connection); ++n) {
      for (const auto by : {Side::kClient, Side::kServer}) {
        for (const auto how : {How::kClose, How::kReset}) {
          auto cut = truncated(connection, n);
          cut.push_back(ended(by, how));
          oracle::check_record(oracle::play_whole(cut, way).record, true);
        }
      }
      oracle::check_record(oracle::play_whole(truncated(connection, n), way).record, false);
    }
  }
}

TEST(DissectorSweep, DamagedOctetsNeitherCrashNorDependOnTheCut) {
  for (const auto& [connection, way] : samples()) {
    for (std::size_t e = 0; e < connection.size(); ++e) {
      for (std::size_t i = 0; i < connection[e].octets.size(); ++i) {
        auto damaged = connection;
        damaged[e].octets[i] ^= static_cast<std::uint8_t>(1u << (i % 8));
        oracle::check_connection(damaged, way, i);
      }
    }
  }
}

TEST(DissectorSweep, RandomPiecesOfGrammarNeitherCrashNorDependOnTheCut) {
  std::mt19937_64 random(7);
  const Bytes pieces[] = {request(),
                          confirm(1),
                          refusal(2),
                          ultimatum(),
                          alert(2, 40),
                          change_cipher_spec(),
                          sealed_finished(),
                          sealed_data(19),
                          record(tls::ContentType::kHandshake, client_hello_message()),
                          record(tls::ContentType::kHandshake, server_hello_message(true)),
                          {3},
                          {0x16, 3},
                          {5, 1, 0},
                          {0x80, 0x2E, 1},
                          text("HTTP/1.1 200 OK\r\n\r\n"),
                          {3, 0, 0xFF, 0xFF}};
  for (int i = 0; i < 3000; ++i) {
    Connection connection;
    for (auto n = random() % 12; n > 0; --n) {
      const auto side = random() % 2 == 0 ? Side::kClient : Side::kServer;
      if (random() % 16 == 0) {
        connection.push_back(gap(side, random() % 50));
      } else {
        connection.push_back({.side = side, .octets = pieces[random() % std::size(pieces)]});
      }
    }
    connection.push_back(ended(random() % 2 == 0 ? Side::kClient : Side::kServer));
    oracle::check_connection(connection, {.tls_only = i % 7 == 0, .late = i % 5 == 0}, random());
  }
}

TEST(DissectorSweep, RandomMessagesInsideTlsNeitherCrashNorDependOnTheCut) {
  std::mt19937_64 random(11);
  const Bytes pieces[] = {ntlm_negotiate(),
                          ntlm_challenge(),
                          ntlm_authenticate(),
                          pub_key_answer(),
                          auth_info(),
                          ts_error(0xC000006D),
                          authorization(0),
                          authorization(5),
                          mcs_initial(),
                          mcs_response(),
                          ultimatum(),
                          auth::encode(auth::RdstlsCapabilities{}),
                          auth::encode(auth::RdstlsAuthenticationResponse{5}),
                          {0x30},
                          {0x30, 0x84, 0x7F, 0, 0, 0},
                          {3, 0, 0xFF, 0xFF},
                          {0, 5, 1, 2, 3},
                          text("HTTP/1.1 200 OK\r\n\r\n")};
  for (int i = 0; i < 2000; ++i) {
    Connection connection;
    for (auto n = random() % 12; n > 0; --n) {
      const auto side = random() % 2 == 0 ? Side::kClient : Side::kServer;
      auto piece = pieces[random() % std::size(pieces)];
      if (random() % 4 == 0) piece.resize(1 + random() % piece.size());
      if (random() % 16 == 0) piece = sealed_alert(1, 0);
      connection.push_back({.side = side, .octets = inside(std::move(piece))});
      if (random() % 32 == 0) connection.push_back(gap(side, random() % 50));
    }
    connection.push_back(ended(random() % 2 == 0 ? Side::kClient : Side::kServer));
    constexpr std::uint32_t kSelections[] = {0, 1, 2, 4, 8, 16};
    connection = opened_connection(kSelections[random() % std::size(kSelections)], connection);
    oracle::check_connection(connection, {.options = opening_options()}, random());
  }
}

}  // namespace
}  // namespace rdpwhy::dissect
