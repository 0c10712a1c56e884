#include "proxy/upstream/retry.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

RequestHead with_method(std::string_view method) {
  RequestHead request;
  request.method = method;
  return request;
}

const RequestHead get = with_method("GET"), post = with_method("POST");

RetryState unconnected(FailureKind kind = FailureKind::connect_failed) {
  RetryState state;
  state.failed_to_connect(Failure(kind));
  return state;
}

RetryState sent(FailureKind kind, bool reused = false, bool lost = false) {
  RetryState state;
  state.failed_after_sending(Failure(kind), reused, lost);
  return state;
}

TEST(Retry, whatever_could_not_connect_may_try_another) {
  for (const auto kind :
       {FailureKind::connect_failed, FailureKind::connect_timeout, FailureKind::upstream_tls_failed}) {
    EXPECT_TRUE(may_retry(unconnected(kind), get, false));
    EXPECT_TRUE(may_retry(unconnected(kind), post, false));
  }
}

TEST(Retry, what_may_have_been_done_is_not_done_twice) {
  for (const auto method : {"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE", "PROPFIND", "REPORT"})
    EXPECT_TRUE(may_retry(sent(FailureKind::upstream_closed), with_method(method), false)) << method;
  for (const auto method : {"POST", "PATCH", "LOCK", "MKCOL", "get", "X"})
    EXPECT_FALSE(may_retry(sent(FailureKind::upstream_closed), with_method(method), false)) << method;
}

TEST(Retry, an_answer_begun_is_final) {
  EXPECT_FALSE(may_retry(unconnected(), get, true));
  EXPECT_FALSE(may_retry(sent(FailureKind::upstream_closed), get, true));
}

TEST(Retry, a_lost_body_cannot_be_sent_again) {
  EXPECT_FALSE(may_retry(sent(FailureKind::upstream_closed, false, true), with_method("PUT"), false));
  RetryState state = sent(FailureKind::upstream_closed, false, true);
  state.failed_to_connect(Failure(FailureKind::connect_failed));
  EXPECT_FALSE(may_retry(state, with_method("PUT"), false));
}

TEST(Retry, only_some_failures_may_go_better_elsewhere) {
  for (const auto kind : {FailureKind::bad_answer, FailureKind::answer_timeout, FailureKind::answer_truncated,
                          FailureKind::client_gone, FailureKind::body_stalled, FailureKind::internal})
    EXPECT_FALSE(may_retry(sent(kind), get, false)) << row(kind).name;
}

TEST(Retry, once_sent_always_sent) {
  RetryState state = sent(FailureKind::upstream_closed);
  state.failed_to_connect(Failure(FailureKind::connect_failed));
  EXPECT_FALSE(may_retry(state, post, false));
  EXPECT_TRUE(may_retry(state, get, false));
}

TEST(Retry, four_attempts_are_enough) {
  RetryState state;
  for (int attempt = 1; attempt <= 4; ++attempt) {
    state.failed_to_connect(Failure(FailureKind::connect_failed));
    EXPECT_EQ(may_retry(state, get, false), attempt < 4);
  }
}

TEST(Retry, what_was_not_processed_may_be_asked_again) {
  RetryState state;
  state.failed_unprocessed(Failure(FailureKind::upstream_closed), true, false);
  EXPECT_TRUE(may_retry(state, post, false));
  EXPECT_TRUE(state.stale_connection);  // of the same endpoint too
  EXPECT_FALSE(may_retry(state, post, true));
  state.failed_unprocessed(Failure(FailureKind::upstream_closed), true, true);
  EXPECT_FALSE(may_retry(state, post, false));
  EXPECT_FALSE(may_retry(state, get, false));
}

TEST(Retry, an_endpoint_that_refuses_is_asked_once_more) {
  RetryState state;
  state.failed_unprocessed(Failure(FailureKind::upstream_closed), false, false);
  EXPECT_TRUE(state.stale_connection);
  state.failed_unprocessed(Failure(FailureKind::upstream_closed), false, false);
  EXPECT_FALSE(state.stale_connection);
  EXPECT_TRUE(may_retry(state, post, false));
}

TEST(Retry, a_pooled_connection_that_was_closed_says_nothing_of_the_endpoint) {
  EXPECT_TRUE(sent(FailureKind::upstream_closed, true).stale_connection);
  EXPECT_FALSE(sent(FailureKind::upstream_closed, false).stale_connection);
  EXPECT_FALSE(sent(FailureKind::answer_timeout, true).stale_connection);
  RetryState state = sent(FailureKind::upstream_closed, true);
  state.failed_to_connect(Failure(FailureKind::connect_failed));
  EXPECT_FALSE(state.stale_connection);
}

}  // namespace
}  // namespace gatehouse
