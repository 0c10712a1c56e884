// One exchange's stream of an HTTP/2 connection to an upstream: the request goes out, the answer is pulled. Whoever
// has it may have one coroutine sending and one pulling.
#pragma once

#include "proxy/http/http2_answer_head.h"
#include "proxy/http/http2_flow.h"
#include "proxy/upstream/http2_upstream.h"

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse {

class Http2Stream final : private Http2Flow {
 public:
  static constexpr std::size_t head_limit = 128 * 1024;  // Rails answers carry large Set-Cookie and CSP fields

  // `idle`: limit on the upstream taking more of a body. `method`: of the request, for what its answer may have.
  Http2Stream(std::shared_ptr<Http2Upstream> connection, std::string_view method, Duration idle);
  // What is left of it is cancelled, unless only the end of a whole answer is.
  ~Http2Stream() override;

  // False: the connection takes no more streams; nothing has been sent. `body`: some follows, if only its end.
  bool open(const Http2RequestLine& line, const std::vector<HeaderField>& fields, bool body);

  // Returns when the piece need not be kept any longer. `trailers` count with the last one.
  Awaitable<Result<void>> send(BodyPiece piece, const std::vector<HeaderField>& trailers);
  // The same where the piece is small enough to be taken over at once; else false, and nothing is done.
  bool send_now(BodyPiece piece, const std::vector<HeaderField>& trailers);
  // Ends a send() that waits; the body will not look whole.
  void stop_sending();

  // Limits how long next_head() and next_piece() wait from now on; they end with answer_timeout then. Zero: no limit.
  void within(Duration limit) { waiting_.within(limit); }
  void clear_limit() { waiting_.clear(); }

  // The next interim head, or the final one. Its views are valid until the next call.
  Awaitable<Result<ResponseHead>> next_head();
  // The body of the answer, after its final head.
  Result<std::optional<BodyPiece>> piece_now();
  Awaitable<Result<BodyPiece>> next_piece();
  bool ended() const { return in_.ended(); }
  const std::vector<HeaderField>& trailers() const { return in_.trailers(); }

  // The upstream has said that it has done nothing about the request (RFC 9113 §8.7).
  bool unprocessed() const { return unprocessed_; }
  // It has answered nothing, and wants this request over HTTP/1.1 (§7): its own reset says so, or the GOAWAY that left
  // it out.
  bool asks_for_http1() const { return asks_for_http1_; }
  // Ends it from this side: who waits hears `why`, the upstream gets CANCEL.
  void cancel(Failure why);

  // After an extended CONNECT was granted: the stream's bytes, as long as this exists.
  Stream& tunnel() { return open_tunnel(); }

 private:
  friend class Http2Upstream;
  struct Head {
    Http2AnswerHead text{head_limit};
    ResponseHead head;
  };

  // What the connection tells.
  void begin_head();
  // How large the head, or the trailers, are by now.
  std::size_t take_field(std::string_view name, std::string_view value);
  void end_head(bool last);
  void arrive(std::string_view bytes);
  void note_reset() { reset_by_upstream_ = true; }
  void close(Http2Error error);
  void lose(Failure why);

  bool lacks_only_its_end() const;
  void refuse(std::string_view words);
  void flush_soon() override;
  void give_back(std::size_t bytes) override;
  void stall() override;
  Failure broken_off() const;

  std::shared_ptr<Http2Upstream> connection_;
  const std::string_view method_;
  bool reset_by_upstream_ = false, unprocessed_ = false, asks_for_http1_ = false;
  bool has_body_ = false;  // the request

  std::unique_ptr<Head> arriving_;  // a head that is not whole yet
  std::deque<std::unique_ptr<Head>> heads_;  // whole, not pulled yet
  std::unique_ptr<Head> head_;  // pulled last
  bool final_head_ = false, bodyless_ = false;
  std::size_t interims_ = 0, interim_bytes_ = 0;  // all of them may wait here
  std::uint32_t window_ = Http2Upstream::first_window;
  std::uint64_t used_of_window_ = 0;  // received since it was made larger
  bool stopped_ = false;
  Timer<Http2Stream> waiting_;
};

}  // namespace gatehouse
