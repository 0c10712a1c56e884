// One attempt to have an exchange answered over a stream of an HTTP/2 connection to an upstream. What Attempt is for
// HTTP/1.1.
#pragma once

#include "proxy/http/exchange.h"
#include "proxy/route/service.h"
#include "proxy/upstream/http2_stream.h"

#include <boost/asio/steady_timer.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace gatehouse {

class Http2Attempt {
 public:
  // `head`: the request head as write_upstream_request() made it; `first`: what of the body is at hand. Everything
  // outlives the attempt.
  Http2Attempt(Exchange& exchange, std::shared_ptr<Http2Upstream> upstream, const Service& service,
               std::string_view head, std::optional<BodyPiece> first);

  // Returns when the answer has been passed on whole (or the 101 has), or with what went wrong. Nothing runs on after;
  // what the upstream still does for it is cancelled when this is destroyed.
  Awaitable<Result<void>> run();

  bool body_lost() const { return pulled_; }  // cannot be sent again
  // The upstream has done nothing about the request.
  bool unprocessed() const { return !opened_ || stream_.unprocessed(); }
  // The request may be sent again over HTTP/1.1: the upstream asked for that instead of answering.
  bool asks_for_http1() const { return opened_ ? stream_.asks_for_http1() : upstream_->wants_http1(); }
  std::uint16_t status_sent() const { return status_sent_; }
  // outcome_of_call(), where the answer has been passed on whole.
  std::optional<std::uint16_t> grpc_status() const { return grpc_status_; }
  std::uint64_t bytes_in() const { return bytes_in_; }
  std::uint64_t bytes_out() const { return bytes_out_; }
  // After a 101.
  Stream& tunnel() { return stream_.tunnel(); }

 private:
  void lose_client();
  Awaitable<Result<void>> send_and_receive();
  Result<void> open();
  void begin_upload();
  Awaitable<void> upload(BodyPiece piece);
  Awaitable<void> join_upload();
  void limit_answer();
  Awaitable<Result<void>> receive();
  Awaitable<Result<void>> pass_on_interim(const ResponseHead& head);
  Awaitable<Result<void>> pass_on_tunnel(const ResponseHead& granted);
  Awaitable<Result<void>> pass_on_body(const ResponseHead& head);

  Exchange& exchange_;
  std::shared_ptr<Http2Upstream> upstream_;
  const Service& service_;
  std::string_view head_;
  std::optional<BodyPiece> first_;
  Http2Stream stream_;
  bool owes_continue_;  // the client may wait for a 100 before it sends its body
  asio::steady_timer uploaded_;
  bool opened_ = false, websocket_ = false, client_lost_ = false, awaiting_head_ = false;
  bool pulling_ = false, pulled_ = false, upload_running_ = false, upload_complete_ = false;
  std::optional<Failure> upload_failure_;
  std::uint16_t status_sent_ = 0;
  std::optional<std::uint16_t> grpc_status_;
  std::uint64_t bytes_in_ = 0, bytes_out_ = 0;
};

}  // namespace gatehouse
