// A reader of PDFs that goes wrong in the way that its input names: what poppler does when it meets a file that breaks
// it, on demand.
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>

#include "parse/pdf_frames.h"

namespace {

void Send(precis::index::PdfFrame tag, const std::string& payload) {
  std::string bytes;
  precis::index::AppendPdfFrame(tag, payload, &bytes);
  if (write(STDOUT_FILENO, bytes.data(), bytes.size()) < 0) _exit(3);
}

bool HasOtherFiles() {
  for (int fd = 3; fd < 256; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0) return true;
  }
  return false;
}

}  // namespace

int main() {
  using precis::index::PdfFrame;
  std::string input(1 << 16, '\0');
  const ssize_t size = read(STDIN_FILENO, input.data(), input.size());
  input.resize(size < 0 ? 0 : static_cast<size_t>(size));
  const auto asked = [&](const char* what) { return input.find(what) != std::string::npos; };

  Send(PdfFrame::kPageCount, "3");
  Send(PdfFrame::kPage, "The first page came.");
  if (asked("ABORT")) std::abort();
  if (asked("SEGV")) std::raise(SIGSEGV);
  if (asked("EXIT")) _exit(7);
  if (asked("HANG")) {
    for (;;) pause();
  }
  if (asked("MUTE")) {  // its output is closed, and it lives on
    close(STDOUT_FILENO);
    for (;;) pause();
  }
  if (asked("FLOOD")) {
    for (;;) Send(PdfFrame::kPage, std::string(1 << 16, 'x'));
  }
  if (asked("GARBAGE")) Send(static_cast<PdfFrame>('?'), "");
  if (asked("LATIN1")) Send(PdfFrame::kPage, "caf\xe9");
  if (asked("ENVIRONMENT")) {
    Send(PdfFrame::kPage, std::getenv("PRECIS_SECRET_OF_TEST") != nullptr ? "leaked" : "clean");
    Send(PdfFrame::kPage, HasOtherFiles() ? "files" : "no files");
  }
  Send(PdfFrame::kDone, "");
}
