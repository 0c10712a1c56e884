// One attempt to have an exchange answered over one HTTP/1.1 connection to an upstream: the request goes up, the answer
// comes down, both at once where the body is still arriving.
#pragma once

#include "proxy/http/exchange.h"
#include "proxy/route/service.h"
#include "proxy/upstream/pool.h"

#include <boost/asio/steady_timer.hpp>

#include <optional>
#include <string_view>

namespace gatehouse {

class Attempt {
 public:
  // `head`: the request head as it goes upstream; `first`: what of the body is at hand. Everything outlives the
  // attempt.
  Attempt(Exchange& exchange, UpstreamConnection& upstream, const Service& service, std::string_view head,
          std::optional<BodyPiece> first);

  // Returns when the answer has been passed on whole (or the 101 has), or with what went wrong. Nothing runs on after.
  Awaitable<Result<void>> run();

  bool body_lost() const { return uploading_; }  // cannot be sent again
  bool reusable() const { return reusable_; }  // the upstream connection
  std::uint16_t status_sent() const { return status_sent_; }
  // outcome_of_call(), where the answer has been passed on whole.
  std::optional<std::uint16_t> grpc_status() const { return grpc_status_; }
  std::uint64_t bytes_in() const { return bytes_in_; }
  std::uint64_t bytes_out() const { return bytes_out_; }

 private:
  void lose_client();
  Awaitable<Result<void>> send_and_receive();
  Awaitable<error_code> send_body(BodyPiece piece);
  Awaitable<void> upload();
  Awaitable<void> join_upload();
  Awaitable<Result<void>> receive();
  Awaitable<Result<void>> receive_head();
  Awaitable<Result<void>> pass_on_interim(int number);
  Awaitable<Result<void>> pass_on_body();
  Failure reading_failure(FailureKind broken_off) const;

  Exchange& exchange_;
  UpstreamConnection& upstream_;
  const Service& service_;
  std::string_view head_;
  std::optional<BodyPiece> first_;
  bool owes_continue_;  // the client may wait for a 100 before it sends its body
  asio::steady_timer uploaded_;
  bool client_lost_ = false;
  bool uploading_ = false, upload_running_ = false, upload_complete_ = false, awaiting_head_ = false;
  std::optional<Failure> upload_failure_;
  bool reusable_ = false;
  std::uint16_t status_sent_ = 0;
  std::optional<std::uint16_t> grpc_status_;
  std::uint64_t bytes_in_ = 0, bytes_out_ = 0;
};

}  // namespace gatehouse
