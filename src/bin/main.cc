#include "cli/command.h"

int main(int argc, char** argv) {
  return durward::cli::run(argc, argv);
}
