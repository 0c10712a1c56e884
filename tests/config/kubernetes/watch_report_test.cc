#include "config/kubernetes/watch_report.h"

#include <gtest/gtest.h>
#include <boost/json/parse.hpp>

namespace gatehouse::kubernetes {
namespace {

using namespace std::chrono_literals;
using Health = ListWatch::Health;

const TimePoint now{1000s};

WatchState watch(std::string name, Kind kind, Health health = Health::good, Duration silent = 2s) {
  return {std::move(name), kind, false, true, health, health == Health::good ? "" : "because", now - silent};
}

std::string metrics(std::vector<WatchState> watches, bool leading = false) {
  return cluster_metrics({"https://10.0.0.1:443", true, leading, std::move(watches)}, now);
}

bool has(const std::string& text, const std::string& line) { return text.find(line + "\n") != text.npos; }

TEST(WatchReport, TheWorstWatchSpeaksForItsKind) {
  const auto text =
      metrics({watch("Service in a", Kind::service, Health::good, 5s),
               watch("Service in b", Kind::service, Health::away, 300s), watch("Ingress", Kind::ingress)});
  EXPECT_TRUE(has(text, R"(gatehouse_kubernetes_watch_well{kind="Service"} 0)")) << text;
  EXPECT_TRUE(has(text, R"(gatehouse_kubernetes_watch_silence_seconds{kind="Service"} 300)")) << text;
  EXPECT_TRUE(has(text, R"(gatehouse_kubernetes_watch_well{kind="Ingress"} 1)")) << text;
  EXPECT_TRUE(has(text, R"(gatehouse_kubernetes_watch_silence_seconds{kind="Ingress"} 2)")) << text;
}

TEST(WatchReport, AKindThatNeedNotBeThereHasNoRowWhileItIsNot) {
  auto crd = watch("IngressRouteTCP", Kind::tcp_route, Health::absent);
  crd.optional = true;
  EXPECT_EQ(metrics({crd}).find("IngressRouteTCP"), std::string::npos);
  crd.optional = false;
  EXPECT_TRUE(has(metrics({crd}), R"(gatehouse_kubernetes_watch_well{kind="IngressRouteTCP"} 0)"));
}

TEST(WatchReport, WhatWasNeverHeardIsNotWell) {
  const WatchState state{"Ingress", Kind::ingress, false, false, Health::good, "", {}};
  const auto text = metrics({state});
  EXPECT_TRUE(has(text, R"(gatehouse_kubernetes_watch_well{kind="Ingress"} 0)")) << text;
  EXPECT_EQ(text.find("gatehouse_kubernetes_watch_silence_seconds{"), std::string::npos) << text;
}

TEST(WatchReport, SaysWhoLeads) {
  EXPECT_TRUE(has(metrics({}, true), "gatehouse_kubernetes_leading 1"));
  EXPECT_TRUE(has(metrics({}, false), "gatehouse_kubernetes_leading 0"));
}

TEST(WatchReport, AsJson) {
  const auto json = cluster_json(
      {"https://10.0.0.1:443", true, true, {watch("Ingress", Kind::ingress, Health::forbidden, 90s)}}, now);
  EXPECT_EQ(boost::json::parse(json),
            boost::json::parse(R"({"server":"https://10.0.0.1:443","synced":true,"leading":true,"watches":[
                {"name":"Ingress","synced":true,"health":"forbidden","trouble":"because","silentSeconds":90}]})"));
}

}  // namespace
}  // namespace gatehouse::kubernetes
