// precis-pdf-reader MEMORY_BYTES CPU_SECONDS MAX_PAGES MAX_TEXT_BYTES: a PDF on standard input, its text on standard
// output (parse/pdf_frames.h). Started by the server for each PDF; poppler runs here and nowhere else.
#include <poppler-document.h>
#include <poppler-global.h>
#include <poppler-page.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <limits>
#include <memory>
#include <new>
#include <string>

#include "parse/pdf_frames.h"
#include "precis/base/utf8.h"

namespace precis::index {
namespace {

struct Limits {
  int64_t memory_bytes, cpu_seconds, max_pages, max_text_bytes;
};

[[noreturn]] void End() { _exit(EXIT_SUCCESS); }  // what poppler holds need not be freed

void Send(PdfFrame tag, std::string_view payload) {
  std::string bytes;
  AppendPdfFrame(tag, payload, &bytes);
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t written = write(STDOUT_FILENO, bytes.data() + done, bytes.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) _exit(EXIT_FAILURE);
    done += static_cast<size_t>(written);
  }
}

[[noreturn]] void Fail(const std::string& sentence, const char* reason = "PARSE_FAILED") {
  Send(PdfFrame::kError, std::string(reason) + "\n" + ReplaceInvalidUtf8(sentence).substr(0, 1000));
  End();
}

void SetLimit(int resource, int64_t soft, int64_t hard) {
  const rlimit limit = {static_cast<rlim_t>(soft), static_cast<rlim_t>(hard)};
  if (setrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0) _exit(EXIT_FAILURE);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;  // whose shadow memory alone is more than any limit
#else
constexpr bool kSanitized = false;
#endif

// Before the first hostile byte is looked at.
void Confine(const Limits& limits) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // no reader outlives its server
  SetLimit(RLIMIT_CORE, 0, 0);
  SetLimit(RLIMIT_FSIZE, 0, 0);
  SetLimit(RLIMIT_NOFILE, 16, 16);  // for poppler's tables of characters
  SetLimit(RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + 1);
  if (!kSanitized) SetLimit(RLIMIT_AS, limits.memory_bytes, limits.memory_bytes);
}

// Valid, without control characters and without white space at the ends of lines.
std::string Cleaned(const poppler::ustring& raw) {
  const poppler::byte_array bytes = raw.to_utf8();
  const std::string utf8 = ReplaceInvalidUtf8(std::string_view(bytes.data(), bytes.size()));
  std::string text;
  text.reserve(utf8.size());
  for (const char c : utf8) {
    if (c == '\n') {
      while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.pop_back();
    }
    if (static_cast<uint8_t>(c) >= 0x20 || c == '\n' || c == '\t') text.push_back(c);
  }
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n')) text.pop_back();
  return text;
}

[[noreturn]] void Read(std::string_view original, const Limits& limits) {
  if (original.size() > static_cast<size_t>(std::numeric_limits<int>::max())) {
    Fail("the PDF has " + std::to_string(original.size()) + " bytes and may have 2^31: split it", "TOO_LARGE");
  }
  const std::unique_ptr<poppler::document> pdf(
      poppler::document::load_from_raw_data(original.data(), static_cast<int>(original.size())));
  if (pdf == nullptr) Fail("the PDF cannot be read: it is damaged or no PDF");
  if (pdf->is_locked()) Fail("the PDF is encrypted and asks for a password: store it without one");
  const int pages = pdf->pages();
  if (pages > limits.max_pages) {
    Fail("the PDF has " + std::to_string(pages) + " pages and may have " + std::to_string(limits.max_pages) +
             ": split it",
         "TOO_LARGE");
  }
  Send(PdfFrame::kPageCount, std::to_string(pages));
  int64_t bytes = 0;
  for (int i = 0; i < pages; ++i) {
    const std::unique_ptr<poppler::page> page(pdf->create_page(i));
    if (page == nullptr) {
      Send(PdfFrame::kMissingPage, "");
      continue;
    }
    const std::string text = Cleaned(page->text(poppler::rectf(), poppler::page::non_raw_non_physical_layout));
    bytes += static_cast<int64_t>(text.size());
    if (bytes > limits.max_text_bytes) {
      Fail("the text of the PDF is larger than the limit of " + std::to_string(limits.max_text_bytes) +
               " bytes: split it",
           "TOO_LARGE");
    }
    Send(PdfFrame::kPage, text);
  }
  const poppler::byte_array title = pdf->get_title().to_utf8();
  Send(PdfFrame::kTitle, ReplaceInvalidUtf8(std::string_view(title.data(), title.size())).substr(0, 32 << 10));
  Send(PdfFrame::kDone, "");
  End();
}

int Main(int argc, char** argv) {
  if (argc != 5) {
    std::fputs("precis-pdf-reader is started by precisd; see index/parse/README.md\n", stderr);
    return EXIT_FAILURE;
  }
  const Limits limits = {std::atoll(argv[1]), std::atoll(argv[2]), std::atoll(argv[3]), std::atoll(argv[4])};
  Confine(limits);
  struct stat status = {};
  if (fstat(STDIN_FILENO, &status) != 0) return EXIT_FAILURE;
  if (status.st_size == 0) Fail("the PDF is empty");
  void* bytes = mmap(nullptr, static_cast<size_t>(status.st_size), PROT_READ, MAP_PRIVATE, STDIN_FILENO, 0);
  if (bytes == MAP_FAILED) return EXIT_FAILURE;
  poppler::set_debug_error_function([](const std::string&, void*) {}, nullptr);
  try {
    Read({static_cast<const char*>(bytes), static_cast<size_t>(status.st_size)}, limits);
  } catch (const std::bad_alloc&) {
    Fail("the PDF takes more memory to read than the limit of " + std::to_string(limits.memory_bytes >> 20) + " MiB",
         "TOO_LARGE");
  } catch (const std::exception& error) {
    Fail(std::string("the PDF cannot be read: ") + error.what());
  }
}

}  // namespace
}  // namespace precis::index

int main(int argc, char** argv) { return precis::index::Main(argc, argv); }
