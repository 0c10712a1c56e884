// Gatehouse. The command line is in cli/commands, the map of the serving program in cli/program.
#include "cli/commands.h"

#include <iostream>

int main(int argc, char** argv) { return gatehouse::run_command_line(argc, argv, {std::cout, std::cerr}); }
