// gRPC's own C++ client and server, of bytes, as grpc_client.py and grpc_server.py are: they say and do the same.
//   grpc_peer serve                         says its port on standard output and serves until standard input ends
//   grpc_peer call ADDRESS [CERTIFICATE]    calls such a server, by TLS if there is a file with a.example's certificate
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <deque>
#include <fstream>
#include <functional>
#include <iostream>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace {

grpc::ByteBuffer bytes_of(const std::string& text) {
  const grpc::Slice slice(text);
  return {&slice, 1};
}

std::string text_of(grpc::ByteBuffer& bytes) {
  grpc::Slice slice;
  return bytes.DumpToSingleSlice(&slice).ok() ? std::string(slice.begin(), slice.end()) : "";
}

// Whether a call of "Wait" has been cancelled, and who waits to hear of it.
class Cancelled {
 public:
  void happen() {
    std::deque<std::function<void()>> waiting;
    {
      const std::lock_guard lock(mutex_);
      happened_ = true;
      waiting.swap(waiting_);
    }
    for (const auto& tell : waiting) tell();
  }
  void await(std::function<void()> tell) {
    {
      const std::lock_guard lock(mutex_);
      if (!happened_) return waiting_.push_back(std::move(tell));
    }
    tell();
  }

 private:
  std::mutex mutex_;
  bool happened_ = false;
  std::deque<std::function<void()>> waiting_;
};

// One call as the server sees it. Deletes itself at its end.
class ServedCall final : public grpc::ServerGenericBidiReactor {
 public:
  ServedCall(grpc::GenericCallbackServerContext* context, Cancelled& cancelled)
      : context_(*context), method_(context->method()), cancelled_(cancelled) {
    StartRead(&incoming_);
  }
  void OnReadDone(bool there) override {
    if (!there) return end_of_requests();
    take(text_of(incoming_));
    StartRead(&incoming_);
  }
  void OnWriteDone(bool) override {
    std::unique_lock lock(mutex_);
    answers_.pop_front();
    go_on(lock);
  }
  void OnCancel() override {
    if (method_ != "/test.Echo/Wait") return;
    cancelled_.happen();
    end(grpc::Status::CANCELLED);
  }
  void OnDone() override { delete this; }

 private:
  void take(const std::string& request) {
    if (method_ == "/test.Echo/Unary") {
      context_.AddTrailingMetadata("x-trailer", "unary");
      say("echo " + request);
    } else if (method_ == "/test.Echo/ServerStream") {
      for (int i = 0; i < std::stoi(request); ++i) say(std::to_string(i));
    } else if (method_ == "/test.Echo/Both") {
      say("got " + request);
    } else if (method_ == "/test.Echo/Wait") {
      StartSendInitialMetadata();
    }
    received_ += request.size();
  }
  void end_of_requests() {
    if (method_ == "/test.Echo/Wait") return;
    if (method_ == "/test.Echo/ClientStream") say(std::to_string(received_));
    if (method_ == "/test.Echo/Fail") return end({grpc::StatusCode::NOT_FOUND, "no such thing"});
    if (method_ == "/test.Echo/WasCancelled")
      return cancelled_.await([this] {
        say("yes");
        end(grpc::Status::OK);
      });
    const bool known = method_.starts_with("/test.Echo/") && method_ != "/test.Echo/Unknown";
    end(known ? grpc::Status::OK : grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "Method not found!"));
  }
  void say(const std::string& answer) {
    std::unique_lock lock(mutex_);
    answers_.push_back(bytes_of(answer));
    if (answers_.size() == 1) go_on(lock);
  }
  void end(const grpc::Status& status) {
    std::unique_lock lock(mutex_);
    if (status_) return;
    status_ = status;
    if (answers_.empty()) go_on(lock);
  }
  // What is next: an answer, or the end, after which nothing here may be touched.
  void go_on(std::unique_lock<std::mutex>& lock) {
    const grpc::ByteBuffer* next = answers_.empty() ? nullptr : &answers_.front();
    const bool ends = next == nullptr && status_;
    lock.unlock();
    if (next != nullptr) StartWrite(next);
    if (ends) Finish(*status_);
  }

  grpc::GenericCallbackServerContext& context_;
  const std::string method_;
  Cancelled& cancelled_;
  grpc::ByteBuffer incoming_;
  std::size_t received_ = 0;
  std::mutex mutex_;
  std::deque<grpc::ByteBuffer> answers_;  // the first one is on its way
  std::optional<grpc::Status> status_;
};

class Echo final : public grpc::CallbackGenericService {
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    return new ServedCall(context, cancelled_);
  }
  Cancelled cancelled_;
};

int serve() {
  Echo echo;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterCallbackGenericService(&echo);
  const auto server = builder.BuildAndStart();
  std::cout << port << std::endl;
  while (std::cin.get() != std::istream::traits_type::eof()) {
  }
  server->Shutdown(std::chrono::system_clock::now());
  return 0;
}

// One call as the client sees it, a step at a time.
class Call {
 public:
  Call(grpc::GenericStub& stub, const std::string& method) {
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    stream_ = stub.PrepareCall(&context, method, &queue_);
    stream_->StartCall(this);
    done();
  }
  Call& send(const std::string& request) {
    stream_->Write(bytes_of(request), this);
    done();
    return *this;
  }
  Call& end() {
    stream_->WritesDone(this);
    done();
    return *this;
  }
  void await_head() {
    stream_->ReadInitialMetadata(this);
    done();
  }
  std::optional<std::string> next() {
    grpc::ByteBuffer answer;
    stream_->Read(&answer, this);
    return done() ? std::optional(text_of(answer)) : std::nullopt;
  }
  std::string only() { return next().value_or("nothing"); }
  grpc::Status status() {
    grpc::Status status;
    stream_->Finish(&status, this);
    done();
    return status;
  }
  grpc::ClientContext context;

 private:
  bool done() {
    void* tag = nullptr;
    bool fine = false;
    return queue_.Next(&tag, &fine) && fine;
  }

  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_;
};

std::string name_of(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::StatusCode::OK: return "OK";
    case grpc::StatusCode::NOT_FOUND: return "NOT_FOUND";
    case grpc::StatusCode::UNIMPLEMENTED: return "UNIMPLEMENTED";
    default: return std::to_string(status.error_code());
  }
}

void call_all(grpc::GenericStub& stub) {
  Call unary(stub, "/test.Echo/Unary");
  const std::string echo = unary.send("hello").end().only();
  const grpc::Status status = unary.status();
  const auto& trailers = unary.context.GetServerTrailingMetadata();
  const auto trailer = trailers.find("x-trailer");
  std::cout << "unary " << echo << " " << name_of(status) << " "
            << (trailer == trailers.end() ? "" : std::string(trailer->second.data(), trailer->second.size())) << "\n";

  std::cout << "large " << Call(stub, "/test.Echo/Unary").send(std::string(3 << 20, 'x')).end().only().size() << "\n";

  Call numbers(stub, "/test.Echo/ServerStream");
  numbers.send("1000").end();
  long sum = 0;
  for (auto number = numbers.next(); number; number = numbers.next()) sum += std::stol(*number);
  std::cout << "server stream " << sum << "\n";

  Call upload(stub, "/test.Echo/ClientStream");
  for (int i = 0; i < 100; ++i) upload.send(std::string(10'000, 'y'));
  std::cout << "client stream " << upload.end().only() << "\n";

  Call both(stub, "/test.Echo/Both");  // each message is sent only when the answer to the one before has come
  for (const char* word : {"one", "two", "three"}) std::cout << "both " << both.send(word).only() << "\n";
  std::cout << "both end [" << both.end().next().value_or("") << "] " << name_of(both.status()) << "\n";

  for (const char* path : {"/test.Echo/Fail", "/test.Echo/Unknown", "/nowhere.Echo/Unary"}) {
    Call failing(stub, path);
    failing.send("").end().next();
    const grpc::Status told = failing.status();
    std::cout << path << " " << name_of(told) << " " << told.error_message() << "\n";
  }

  Call waiting(stub, "/test.Echo/Wait");
  waiting.send("").end().await_head();  // it has come to the server: what is cancelled before may never get there
  waiting.context.TryCancel();
  waiting.status();
  std::cout << "cancelled " << Call(stub, "/test.Echo/WasCancelled").send("").end().only() << std::endl;
}

int call(const std::string& address, const std::string& certificate) {
  grpc::ChannelArguments arguments;
  arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "a.example");
  arguments.SetSslTargetNameOverride("a.example");
  auto credentials = grpc::InsecureChannelCredentials();
  if (!certificate.empty()) {
    std::stringstream text;
    text << std::ifstream(certificate).rdbuf();
    credentials = grpc::SslCredentials({text.str(), "", ""});
  }
  grpc::GenericStub stub(grpc::CreateCustomChannel(address, credentials, arguments));
  call_all(stub);
  return 0;
}

}  // namespace

int main(int count, char** words) {
  const std::vector<std::string> arguments(words + 1, words + count);
  if (arguments == std::vector<std::string>{"serve"}) return serve();
  if (arguments.size() >= 2 && arguments[0] == "call")
    return call(arguments[1], arguments.size() > 2 ? arguments[2] : "");
  std::cerr << "usage: grpc_peer serve | call ADDRESS [CERTIFICATE]\n";
  return 2;
}
