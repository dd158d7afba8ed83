#include "app/certificates.h"

#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <filesystem>
#include <memory>

#include "sys/file_store.h"

namespace durward::app {
namespace {

namespace fs = std::filesystem;

template <class T, void (*Free)(T*)>
struct Freed {
  void operator()(T* object) const { Free(object); }
};

void free_bio(BIO* bio) {
  BIO_free(bio);
}
using BioPtr = std::unique_ptr<BIO, Freed<BIO, free_bio>>;
using CertificatePtr = std::unique_ptr<X509, Freed<X509, X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY, EVP_PKEY_free>>;

BioPtr memory(const std::string& text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Status check_pem(const std::string& name, const std::string& pem) {
  const BioPtr first = memory(pem);
  const CertificatePtr certificate(PEM_read_bio_X509(first.get(), nullptr, nullptr, nullptr));
  if (!certificate)
    return fail("APP020", name + " holds no certificate", "a PEM file: certificate, chain, key");
  const BioPtr second = memory(pem);
  const KeyPtr key(PEM_read_bio_PrivateKey(second.get(), nullptr, nullptr, nullptr));
  if (!key)
    return fail("APP020", name + " holds no private key", "put the key into the same file, unencrypted");
  if (X509_check_private_key(certificate.get(), key.get()) != 1)
    return fail("APP020", name + ": the private key does not fit the certificate");
  return {};
}

std::chrono::sys_seconds instant(const ASN1_TIME* time) {
  std::tm parts{};
  ASN1_TIME_to_tm(time, &parts);
  return std::chrono::sys_seconds(std::chrono::seconds(::timegm(&parts)));
}

// Of a PEM that check_pem() let through.
void describe(const std::string& pem, const std::vector<std::string>& hosts, CertificateReport& out) {
  const BioPtr bio = memory(pem);
  const CertificatePtr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  out.begins = instant(X509_get0_notBefore(certificate.get()));
  out.ends = instant(X509_get0_notAfter(certificate.get()));
  for (const auto& host : hosts)
    if (X509_check_host(certificate.get(), host.data(), host.size(), 0, nullptr) == 1)
      out.covers.insert(host);
}

Error none_in(const std::string& directory) {
  return {"APP020", "there is no certificate in " + directory, "put NAME.pem there: certificate, chain, key"};
}

// The Runtime API ends a payload at an empty line.
std::string without_empty_lines(const std::string& pem) {
  std::string out;
  for (const char c : pem)
    if (c != '\r' && !(c == '\n' && (out.empty() || out.back() == '\n'))) out += c;
  return out;
}

}  // namespace

Result<std::vector<ChangedCertificate>> copy_certificates(const generation::Generation& generation,
                                                          const std::string& bundle,
                                                          const std::string& target) {
  std::vector<ChangedCertificate> changed;
  for (std::size_t i = 0; i < generation.certificate_directories.size(); ++i) {
    const auto& named = generation.certificate_directories[i];
    if (named.empty()) continue;
    const fs::path from = certificate_directory(named, bundle);
    const auto files = sys::list_files(from.string());
    if (!files) return tl::unexpected(files.error());
    const std::string to = fmt::format("{}/{}", target, i);
    if (auto made = sys::make_directories(to, 0700); !made) return tl::unexpected(made.error());
    bool any = false;
    for (const auto& file : *files) {
      if (!file.ends_with(".pem")) continue;
      auto pem = sys::read_file((from / file).string());
      if (!pem) return tl::unexpected(pem.error());
      const std::string text = without_empty_lines(*pem);
      if (auto fits = check_pem((from / file).string(), text); !fits) return tl::unexpected(fits.error());
      any = true;
      const std::string copy = to + "/" + file;
      const auto before = sys::exists(copy) ? sys::read_file(copy) : Result<std::string>("");
      if (before && *before == text) continue;
      if (auto written = sys::write_file(copy, text, 0600); !written) return tl::unexpected(written.error());
      if (before && !before->empty()) changed.push_back({fmt::format("../../certs/{}/{}", i, file), text});
    }
    if (!any) return tl::unexpected(none_in(from.string()));
  }
  return changed;
}

std::string certificate_directory(const std::string& named, const std::string& bundle) {
  return (fs::path(named).is_absolute() ? fs::path(named) : fs::path(bundle) / named).string();
}

Result<std::vector<CertificateReport>> inspect_certificates(const std::string& directory,
                                                            const std::vector<std::string>& hosts) {
  const auto files = sys::list_files(directory);
  if (!files) return tl::unexpected(files.error());
  std::vector<CertificateReport> out;
  for (const auto& file : *files) {
    if (!file.ends_with(".pem")) continue;
    CertificateReport report{.file = directory + "/" + file, .usable = {}, .covers = {}};
    const auto pem = sys::read_file(report.file);
    report.usable = pem ? check_pem(report.file, *pem) : Status(tl::unexpected(pem.error()));
    if (report.usable) describe(*pem, hosts, report);
    out.push_back(std::move(report));
  }
  if (out.empty()) return tl::unexpected(none_in(directory));
  return out;
}

}  // namespace durward::app
