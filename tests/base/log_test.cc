#include "base/log.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

namespace gatehouse {
namespace {

class LogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "log.XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    options_.file = folder_ / "log";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // What a log with these options holds after `say`.
  template <class Say>
  std::string logged(Say say) {
    {
      const ProgramLog log = open_program_log(options_).value();
      say(*log.logger);
    }
    std::ifstream file(options_.file);
    return (std::stringstream() << file.rdbuf()).str();
  }

  std::filesystem::path folder_;
  ProgramLogOptions options_;
};

TEST_F(LogTest, common_lines_have_time_level_and_words) {
  const std::string text = logged([](auto& log) { log.warn("service {} does not exist", "shop/api"); });
  EXPECT_TRUE(std::regex_match(
      text, std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z warning service shop/api does not exist\n)")))
      << text;
}

TEST_F(LogTest, json_lines_are_json) {
  options_.json = true;
  const std::string text = logged([](auto& log) { log.error("bad \"{}\"", "\r\n\x1b\xff"); });
  ASSERT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  const auto line = boost::json::parse(std::string_view(text).substr(0, text.size() - 1)).as_object();
  EXPECT_EQ(line.at("level").as_string(), "error");
  EXPECT_EQ(line.at("message").as_string(), "bad \"\r\n\x1b\xc3\xbf\"");
}

TEST_F(LogTest, untrusted_text_cannot_forge_a_line) {
  const std::string text =
      logged([](auto& log) { log.info("SNI {}", "x\n2026-01-01T00:00:00.000Z error forged\x1b[1m"); });
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST_F(LogTest, says_nothing_below_its_level) {
  options_.level = spdlog::level::warn;
  EXPECT_EQ(logged([](auto& log) { log.info("quiet"); }), "");
}

TEST_F(LogTest, the_logger_may_outlive_the_value) {
  Logger logger = open_program_log(options_).value().logger;
  logger->info("late");
  logger.reset();
  std::ifstream file(options_.file);
  EXPECT_NE((std::stringstream() << file.rdbuf()).str().find("late"), std::string::npos);
}

TEST(LogLevel, reads_the_usual_words) {
  EXPECT_EQ(parse_log_level("DEBUG"), spdlog::level::debug);
  EXPECT_EQ(parse_log_level("warning"), spdlog::level::warn);
  EXPECT_EQ(parse_log_level("fatal"), spdlog::level::critical);
  EXPECT_EQ(parse_log_level("loud"), std::nullopt);
  EXPECT_EQ(parse_log_level(""), std::nullopt);
}

}  // namespace
}  // namespace gatehouse
