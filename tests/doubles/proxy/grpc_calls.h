// What grpc_client.py says when all of its calls to grpc_server.py went as they should.
#pragma once

#include <string>

namespace gatehouse {

// `nowhere`: the details of the refusal where no such service is.
inline std::string good_grpc_calls(const std::string& nowhere) {
  return "unary echo hello OK unary\n"
         "large 3145733\n"
         "server stream 499500\n"
         "client stream 1000000\n"
         "both got one\n"
         "both got two\n"
         "both got three\n"
         "both end [] OK\n"
         "/test.Echo/Fail NOT_FOUND no such thing\n"
         "/test.Echo/Unknown UNIMPLEMENTED Method not found!\n"
         "/nowhere.Echo/Unary UNIMPLEMENTED " +
         nowhere +
         "\n"
         "cancelled yes\n";
}

}  // namespace gatehouse
