// The two halves of a stream's bodies, without their waiting: what has arrived and was not pulled yet, and what is to
// go out and the windows have not taken yet.
#pragma once

#include "proxy/http/body.h"
#include "proxy/http/http2_codec.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse {

// At most a window full: the peer may send more only as this is pulled.
class Http2Inflow {
 public:
  void arrive(std::string_view bytes) { arrived_.append(bytes); }
  void arrive_end() { end_arrived_ = true; }
  bool end_arrived() const { return end_arrived_; }
  // There is no body: nothing comes, or what does is none.
  void no_body() { ended_ = true; }
  // The last piece has been taken.
  bool ended() const { return ended_; }
  std::string_view waiting() const { return std::string_view(arrived_).substr(taken_); }
  bool at_hand() const { return !waiting().empty() || end_arrived_; }

  // All that is here; valid until release().
  BodyPiece take();
  // The piece handed out last is done with; how many bytes that were.
  std::size_t release();
  // Copies as much as fits. How much of it can be given back is told by `freed`: only once all is taken.
  std::size_t copy_out(std::span<char> room, std::size_t& freed);
  // Forgets what was not pulled; how many bytes that were.
  std::size_t drop();

  // One field of the trailers, in order. How large all of them are by now, kept or not (RFC 9113 §6.5.2).
  std::size_t take_trailer(std::string_view name, std::string_view value);
  // All of them are here. False: one is malformed, or they are more than 64 or 16 KiB.
  bool finish_trailers();
  // Views into this object.
  const std::vector<HeaderField>& trailers() const { return trailers_; }

 private:
  std::string arrived_, current_;  // not pulled yet; the piece handed out last
  std::size_t taken_ = 0;          // of what has arrived, by copy_out
  bool end_arrived_ = false, ended_ = false;
  std::string trailer_text_;
  std::size_t trailers_size_ = 0;
  bool malformed_trailers_ = false;
  std::vector<HeaderField> trailers_;
};

// One piece at a time: a small one is copied, so that its sender need not wait; a large one stays the sender's own.
class Http2Outflow {
 public:
  static constexpr std::size_t kept_piece = 16 * 1024;

  // Nothing of an earlier piece may be lent then. False: the sender has to keep the bytes until taken().
  bool put(BodyPiece piece);
  // Copies of `buffer` what there is room for.
  std::size_t copy_in(std::string_view bytes);
  void put_end() { last_ = true; }
  // Nothing goes out: the head has said the end.
  void no_body() { last_ = end_sent_ = true; }
  void keep_trailers(const std::vector<HeaderField>& trailers);

  bool taken() const { return lent_.empty(); }
  // Bytes taken over that have not gone out.
  std::size_t kept() const { return kept_.size() - kept_sent_; }
  bool drained() const { return kept_sent_ == kept_.size() && lent_.empty(); }
  // Of a body that is whole so far.
  bool end_put() const { return last_; }
  bool end_sent() const { return end_sent_; }
  // What is lent is the sender's again, and the body will not end as if it were whole.
  void cut();

  Http2Outgoing outgoing(std::span<char> room);

 private:
  std::string kept_;       // taken over
  std::string_view lent_;  // the sender's own
  std::size_t kept_sent_ = 0;
  bool last_ = false, end_sent_ = false;
  std::string trailer_text_;
  std::vector<HeaderField> trailers_;
};

}  // namespace gatehouse
