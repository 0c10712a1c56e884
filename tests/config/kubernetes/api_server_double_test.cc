// The API server double itself, by a client that sends bytes.
#include "tests/doubles/kubernetes/api_server.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <boost/json.hpp>

#include <gtest/gtest.h>

namespace gatehouse::kubernetes {
namespace {

namespace json = boost::json;
using asio::ip::tcp;

struct Answer {
  int status = 0;
  std::string head, body;

  json::value value() const {
    error_code error;
    return json::parse(body, error);
  }
  std::string text(const char* pointer) const {
    error_code error;
    const json::value parsed = value();
    const json::value* found = parsed.find_pointer(pointer, error);
    if (found == nullptr) return "";
    return found->is_string() ? std::string(found->get_string()) : json::serialize(*found);
  }
};

// One connection, blocking.
class Client {
 public:
  explicit Client(const fake::ApiServer& server) { connect(server.port()); }
  explicit Client(std::uint16_t port) { connect(port); }

  void send(const std::string& method, const std::string& target, const std::string& body = "",
            const std::string& type = "application/json", const std::string& more = "") {
    asio::write(socket_, asio::buffer(method + " " + target + " HTTP/1.1\r\nHost: x\r\n" + more +
                                      (body.empty() ? ""
                                                    : "Content-Type: " + type + "\r\nContent-Length: " +
                                                          std::to_string(body.size()) + "\r\n") +
                                      "\r\n" + body));
  }

  std::string head() {
    const std::size_t size = asio::read_until(socket_, asio::dynamic_buffer(inbox_), "\r\n\r\n");
    return take(size);
  }

  // The next chunk; empty: the last one.
  std::string chunk() {
    const std::string line = take(asio::read_until(socket_, asio::dynamic_buffer(inbox_), "\r\n"));
    const std::size_t size = std::stoul(line, nullptr, 16);
    while (inbox_.size() < size + 2) fill();
    std::string data = take(size + 2);
    data.resize(size);
    return data;
  }

  Answer ask(const std::string& method, const std::string& target, const std::string& body = "",
             const std::string& type = "application/json", const std::string& more = "") {
    send(method, target, body, type, more);
    Answer answer;
    answer.head = head();
    answer.status = std::stoi(answer.head.substr(9, 3));
    if (const auto at = answer.head.find("Content-Length: "); at != std::string::npos) {
      const std::size_t size = std::stoul(answer.head.substr(at + 16));
      while (inbox_.size() < size) fill();
      answer.body = take(size);
    } else {
      for (std::string piece = chunk(); !piece.empty(); piece = chunk()) answer.body += piece;
    }
    return answer;
  }

  Answer get(const std::string& target) { return ask("GET", target); }
  json::value event() { return json::parse(chunk()); }
  bool at_end() {
    error_code error;
    asio::read(socket_, asio::dynamic_buffer(inbox_), asio::transfer_all(), error);
    return static_cast<bool>(error);
  }

 private:
  void connect(std::uint16_t port) { socket_.connect({asio::ip::make_address("127.0.0.1"), port}); }
  void fill() { asio::read(socket_, asio::dynamic_buffer(inbox_), asio::transfer_at_least(1)); }
  std::string take(std::size_t size) {
    std::string front = inbox_.substr(0, size);
    inbox_.erase(0, size);
    return front;
  }

  asio::io_context io_;
  tcp::socket socket_{io_};
  std::string inbox_;
};

constexpr const char* services = "/api/v1/namespaces/a/services";

std::string service(const std::string& name, const std::string& more = "") {
  return R"({"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "a", "name": ")" + name + "\"" + more +
         R"(}, "spec": {"ports": [{"port": 80}]}})";
}

std::string type_and_name(const json::value& event) {
  const auto& object = event.at("object");
  return std::string(event.at("type").get_string()) + " " +
         std::string(object.at("metadata")
                         .at(object.at("metadata").get_object().contains("name") ? "name" : "resourceVersion")
                         .get_string());
}

class ApiServerDouble : public ::testing::Test {
 protected:
  ApiServerDouble() { server.apply(R"({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}})"); }

  std::string version() { return Client(server).get(services).text("/metadata/resourceVersion"); }

  fake::ApiServer server;
  Client client{server};
};

TEST_F(ApiServerDouble, creates_reads_and_deletes) {
  const Answer made = client.ask("POST", services, service("web"));
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.text("/spec/ports/0/targetPort"), "80");
  EXPECT_EQ(made.text("/spec/type"), "ClusterIP");
  EXPECT_NE(made.text("/metadata/uid"), "");
  EXPECT_EQ(client.ask("POST", services, service("web")).text("/reason"), "AlreadyExists");
  EXPECT_EQ(client.get(std::string(services) + "/web").body, made.body);
  EXPECT_EQ(client.get("/api/v1/services").text("/items/0/metadata/name"), "web");
  EXPECT_EQ(client.ask("DELETE", std::string(services) + "/web").text("/status"), "Success");
  EXPECT_EQ(client.get(std::string(services) + "/web").text("/message"), "services \"web\" not found");
  EXPECT_EQ(client.ask("POST", "/api/v1/namespaces/none/services", service("web")).status, 400);
}

TEST_F(ApiServerDouble, writes_lists_as_the_real_one_does) {
  server.apply(service("web"));
  server.apply(R"({"apiVersion": "traefik.io/v1alpha1", "kind": "IngressRouteTCP",
                   "metadata": {"namespace": "a", "name": "ssh"}, "spec": {"routes": []}})");
  const std::string typed = client.get("/api/v1/services").body;
  EXPECT_TRUE(typed.starts_with(R"({"kind":"ServiceList","apiVersion":"v1","metadata":{"resourceVersion":")")) << typed;
  EXPECT_NE(typed.find(R"("items":[{"metadata":{"name":"web","namespace":"a",)"), std::string::npos) << typed;
  const std::string custom = client.get("/apis/traefik.io/v1alpha1/ingressroutetcps").body;
  EXPECT_TRUE(custom.starts_with(R"({"apiVersion":"traefik.io/v1alpha1","items":[{"apiVersion":"traefik.io/v1alpha1",)"
                                 R"("kind":"IngressRouteTCP","metadata":{"creationTimestamp":)"))
      << custom;
}

TEST_F(ApiServerDouble, refuses_the_update_of_an_old_version) {
  const std::string path = std::string(services) + "/web";
  client.ask("POST", services, service("web"));
  json::value object = client.get(path).value();
  object.at("spec").at("ports").at(0).at("port") = 81;
  EXPECT_EQ(client.ask("PUT", path, json::serialize(object)).status, 200);
  object.at("spec").at("ports").at(0).at("port") = 82;
  const Answer refused = client.ask("PUT", path, json::serialize(object));
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.text("/reason"), "Conflict");
  EXPECT_EQ(
      client.ask("PUT", "/apis/coordination.k8s.io/v1/namespaces/a/leases/x", R"({"metadata": {"name": "x"}})").status,
      201);
  EXPECT_EQ(
      client.ask("PUT", "/apis/coordination.k8s.io/v1/namespaces/a/leases/x", R"({"metadata": {"name": "x"}})").status,
      422);
}

TEST_F(ApiServerDouble, keeps_status_and_the_rest_apart) {
  server.apply(R"({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"namespace": "a", "name": "i"},
    "spec": {"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}}})");
  const std::string path = "/apis/networking.k8s.io/v1/namespaces/a/ingresses/i";
  const std::string change = R"({"spec": {"ingressClassName": "x"},
    "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}})";
  const Answer main = client.ask("PATCH", path, change, "application/merge-patch+json");
  EXPECT_EQ(main.text("/spec/ingressClassName"), "x");
  EXPECT_EQ(main.text("/status/loadBalancer"), "{}");
  EXPECT_EQ(main.text("/metadata/generation"), "2");
  server.patch("ingresses/a/i", R"({"spec": {"ingressClassName": "y"}})");
  const Answer status = client.ask("PATCH", path + "/status", change, "application/merge-patch+json");
  EXPECT_EQ(status.text("/spec/ingressClassName"), "y");
  EXPECT_EQ(status.text("/status/loadBalancer/ingress/0/ip"), "192.0.2.1");
  EXPECT_EQ(status.text("/metadata/generation"), "3");
  const std::string same = client.ask("PATCH", path + "/status", change, "application/merge-patch+json").body;
  EXPECT_EQ(same, status.body) << "what changes nothing makes no version";
}

TEST_F(ApiServerDouble, pages_a_list_of_one_version) {
  for (const char* name : {"a", "b", "c", "d"}) server.apply(service(name));
  const Answer first = client.get("/api/v1/services?limit=2");
  EXPECT_EQ(first.text("/metadata/remainingItemCount"), "2");
  server.remove("services/a/c");
  const std::string next = "/api/v1/services?limit=2&continue=" + first.text("/metadata/continue");
  const Answer second = client.get(next);
  EXPECT_EQ(second.text("/items/0/metadata/name"), "c") << "as it was at the first page";
  EXPECT_EQ(second.text("/metadata/resourceVersion"), first.text("/metadata/resourceVersion"));
  EXPECT_EQ(second.text("/metadata/continue"), "");
  server.apply(service("e"));
  server.compact();
  const Answer late = client.get(next);
  EXPECT_EQ(late.status, 410);
  EXPECT_EQ(late.text("/reason"), "Expired");
  const Answer rest = client.get("/api/v1/services?continue=" + late.text("/metadata/continue"));
  EXPECT_EQ(rest.text("/items/0/metadata/name"), "d");
  EXPECT_EQ(rest.text("/items/1/metadata/name"), "e");
  EXPECT_EQ(client.get("/api/v1/services?limit=2&resourceVersion=0").text("/items/3/metadata/name"), "e");
}

TEST_F(ApiServerDouble, watches) {
  client.send("GET", "/api/v1/services?watch=1&allowWatchBookmarks=true&resourceVersion=" + version());
  EXPECT_NE(client.head().find("Transfer-Encoding: chunked"), std::string::npos);
  server.apply(service("web"));
  EXPECT_EQ(type_and_name(client.event()), "ADDED web");
  server.patch("services/a/web", R"({"metadata": {"labels": {"x": "y"}}})");
  EXPECT_EQ(type_and_name(client.event()), "MODIFIED web");
  server.remove("services/a/web");
  const json::value gone = client.event();
  EXPECT_EQ(type_and_name(gone), "DELETED web");
  EXPECT_EQ(gone.at_pointer("/object/metadata/resourceVersion"), json::value(version()));
  server.bookmark();
  EXPECT_EQ(type_and_name(client.event()), "BOOKMARK " + version());
  server.end_watches(fake::WatchEnd::properly);
  EXPECT_EQ(client.chunk(), "");
  EXPECT_EQ(client.get("/version").status, 200) << "on the same connection";
}

TEST_F(ApiServerDouble, shows_what_enters_and_leaves_a_selection) {
  server.apply(service("web"));
  client.send("GET", "/api/v1/services?watch=1&labelSelector=x%20in%20(y,z)&resourceVersion=" + version());
  client.head();
  server.patch("services/a/web", R"({"metadata": {"labels": {"x": "y"}}})");
  EXPECT_EQ(type_and_name(client.event()), "ADDED web");
  server.patch("services/a/web", R"({"metadata": {"labels": {"x": "no"}}})");
  EXPECT_EQ(type_and_name(client.event()), "DELETED web");
  EXPECT_EQ(Client(server).get("/apis/networking.k8s.io/v1/ingresses?fieldSelector=spec.x%3D1").status, 400);
}

TEST_F(ApiServerDouble, ends_a_watch_at_its_time_and_an_old_one_with_410) {
  client.send("GET", "/api/v1/services?watch=1&timeoutSeconds=1&resourceVersion=" + version());
  client.head();
  EXPECT_EQ(client.chunk(), "");
  const std::string old = version();
  server.apply(service("web"));
  server.compact();
  client.send("GET", "/api/v1/services?watch=1&resourceVersion=" + old);
  EXPECT_TRUE(client.head().starts_with("HTTP/1.1 200"));
  const json::value event = client.event();
  EXPECT_EQ(event.at("type"), "ERROR");
  EXPECT_EQ(event.at_pointer("/object/code"), 410);
  EXPECT_EQ(client.chunk(), "");
}

TEST_F(ApiServerDouble, streams_a_list) {
  server.apply(service("web"));
  client.send(
      "GET", "/api/v1/services?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=1");
  client.head();
  EXPECT_EQ(type_and_name(client.event()), "ADDED web");
  const json::value mark = client.event();
  EXPECT_EQ(mark.at("type"), "BOOKMARK");
  EXPECT_EQ(mark.at_pointer("/object/metadata/annotations/k8s.io~1initial-events-end"), "true");
}

TEST(ApiServerDoubleOptions, may_not_know_streamed_lists) {
  fake::ApiServer server({.watch_list = fake::WatchList::forbidden});
  const Answer refused =
      Client(server).get("/api/v1/services?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan");
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(refused.text("/details/causes/0/reason"), "FieldValueForbidden");
}

TEST_F(ApiServerDouble, has_a_cache_that_may_lag) {
  server.freeze_cache();
  const std::string before = version();
  server.apply(service("web"));
  EXPECT_EQ(client.get("/api/v1/services").text("/items/0/metadata/name"), "web");
  EXPECT_EQ(client.get("/api/v1/services?resourceVersion=0").text("/metadata/resourceVersion"), before);
  const Answer late = client.get("/api/v1/services?resourceVersionMatch=NotOlderThan&resourceVersion=" + version());
  EXPECT_EQ(late.status, 504);
  EXPECT_EQ(late.text("/details/causes/0/reason"), "ResourceVersionTooLarge");
  server.thaw_cache();
  EXPECT_EQ(client.get("/api/v1/services?resourceVersion=0").text("/items/0/metadata/name"), "web");
}

TEST_F(ApiServerDouble, knows_a_crd_when_it_is_installed) {
  const std::string path = "/apis/traefik.io/v1alpha1/ingressroutetcps";
  server.remove_crd();
  EXPECT_EQ(client.get(path).status, 404);
  EXPECT_EQ(client.get("/apis/traefik.io/v1alpha1").status, 404);
  server.install_crd();
  EXPECT_EQ(client.get(path).status, 200);
  EXPECT_EQ(client.ask("PATCH", path + "/x", "{}", "application/strategic-merge-patch+json").status, 404);
}

TEST(ApiServerDoubleAccess, lets_in_who_has_a_token_and_forbids_by_verb) {
  fake::ApiServer server({.tokens = {"good"}});
  Client client(server);
  const auto ask = [&](const std::string& token) {
    return client.ask("GET", "/api/v1/secrets", "", "", "Authorization: Bearer " + token + "\r\n");
  };
  EXPECT_EQ(client.get("/api/v1/secrets").status, 401);
  EXPECT_EQ(ask("good").status, 200);
  server.forbid("list", "secrets");
  EXPECT_EQ(ask("good").text("/reason"), "Forbidden");
  server.allow_all();
  server.set_tokens({"newer"});
  EXPECT_EQ(ask("good").status, 401);
  EXPECT_EQ(ask("newer").status, 200);
}

TEST_F(ApiServerDouble, misbehaves_on_demand) {
  server.inject({.which = {.verb = "list", .resource = "services"}, .times = 2, .status = 429, .retry_after = 3});
  EXPECT_EQ(client.get("/api/v1/secrets").status, 200);
  EXPECT_NE(client.get(services).head.find("Retry-After: 3\r\n"), std::string::npos);
  EXPECT_EQ(client.get(services).text("/details/retryAfterSeconds"), "3");
  EXPECT_EQ(client.get(services).status, 200);
  server.inject({.body = "<html>", .content_type = "text/html"});
  EXPECT_EQ(client.get(services).body, "<html>");
  server.inject({.drip_bytes = 7});
  EXPECT_EQ(client.get(services).text("/kind"), "ServiceList");
  server.inject({.cut_after = 5});
  client.send("GET", services);
  client.head();
  EXPECT_TRUE(client.at_end());
}

TEST_F(ApiServerDouble, cuts_watches_in_the_middle_of_an_object) {
  client.send("GET", "/api/v1/services?watch=1");
  client.head();
  ASSERT_TRUE(server.await([](const fake::View& now) { return now.watches("services") == 1; }));
  server.end_watches(fake::WatchEnd::cut_in_an_object);
  error_code error;
  json::parse(client.chunk(), error);
  EXPECT_TRUE(error);
  EXPECT_TRUE(client.at_end());
  EXPECT_TRUE(server.await([](const fake::View& now) { return now.watches() == 0; }));
}

TEST_F(ApiServerDouble, stops_and_starts_on_the_same_port) {
  client.send("GET", "/api/v1/services?watch=1");
  client.head();
  server.stop();
  EXPECT_TRUE(client.at_end());
  EXPECT_THROW(Client{server}, boost::system::system_error);
  server.start();
  EXPECT_EQ(Client(server).get("/version").status, 200);
}

TEST_F(ApiServerDouble, says_what_it_was_asked) {
  client.get("/api/v1/namespaces/a/services?limit=5");
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].verb, "list");
  EXPECT_EQ(requests[0].ns, "a");
  EXPECT_EQ(requests[0].status, 200);
  server.forget_requests();
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(ApiServerDouble, compresses_large_lists_for_who_can_take_it) {
  const std::string large(200'000, 'x');
  server.apply(
      R"({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "a", "name": "m"}, "data": {"x": ")" +
      large + "\"}}");
  const Answer answer = client.ask("GET", "/api/v1/configmaps", "", "", "Accept-Encoding: gzip\r\n");
  EXPECT_NE(answer.head.find("Content-Encoding: gzip\r\n"), std::string::npos);
  EXPECT_LT(answer.body.size(), 10'000u);
  EXPECT_GT(client.get("/api/v1/configmaps").body.size(), 200'000u);
}

}  // namespace
}  // namespace gatehouse::kubernetes
