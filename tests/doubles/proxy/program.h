// Another program as a child process: what it says is read, and it ends with this.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace gatehouse {

class Program {
 public:
  explicit Program(std::vector<std::string> words);
  // Ends its standard input, then the program itself.
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // The next line of its standard output, without the line's end.
  std::string line();
  // All that is left, to its end.
  std::string all();
  // Nobody reads what it says from now on: for programs that talk much and go on when nobody listens.
  void stop_listening();

 private:
  pid_t process_ = -1;
  int input_ = -1, output_ = -1;
};

// A port of 127.0.0.1 that nobody listens on, for programs that cannot choose one themselves.
std::uint16_t free_port();

}  // namespace gatehouse
