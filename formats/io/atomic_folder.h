// An output folder that appears at its final path complete and synced, or not at all.
//
//   NIBBLE_ASSIGN_OR_RETURN(auto out, AtomicFolder::Create(files, path, {.force = force, .inputs = identities}));
//   NIBBLE_ASSIGN_OR_RETURN(WritableFile * file, out->Add("model.safetensors", size));
//   file->WriteAt(...);
//   NIBBLE_RETURN_IF_ERROR(out->Commit());
//
// The files are written in "<path>.part" beside it, each reserved at full size and locked, so that of two writers the
// second is told. Commit() syncs, renames and syncs the folder above. Without Commit() the destructor removes all,
// unless it is kept; what is there is replaced by the next, or taken up with `resume`.
#ifndef NIBBLE_FORMATS_IO_ATOMIC_FOLDER_H_
#define NIBBLE_FORMATS_IO_ATOMIC_FOLDER_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "formats/io/file.h"

namespace nibble::io {

class AtomicFolder {
 public:
  struct Options {
    bool force = false;                // replace a folder that is there already: one of files alone, of a model
    bool resume = false;               // go on with the temporary folder that is there already; it is kept then
    std::vector<FileIdentity> inputs;  // files that must not be lost: none of them lies in a folder that is replaced
    // Write to files of the temporary folder that another process has, which alone makes, renames and removes: here
    // Add() opens what is there, Commit() closes, and nothing else changes.
    bool joins = false;
  };

  // kAlreadyExists if `path` exists and not `force`; kPermissionDenied if it is no folder, one that has folders in it
  // or no config.json (so that --force never takes another folder for a model), one with an input in it, or cannot be
  // created; kAborted if another program is writing it.
  static absl::StatusOr<std::unique_ptr<AtomicFolder>> Create(FileSystem& files, std::string path,
                                                              const Options& options);
  ~AtomicFolder();
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;

  // A file of `size` bytes, which lives as long as this: with `resume` the one that is there, if there is one.
  // kUnavailable if the disk has no room. Not thread-safe.
  absl::StatusOr<WritableFile*> Add(const std::string& name, uint64_t size);

  // What was written is on the disk when it returns OK.
  absl::Status Sync();

  // Whether the temporary folder stays where this ends without Commit(): never after a sync that failed, since what the
  // disk holds then is not what is read. Returns that.
  bool Keep(bool keep) { return keep_ = keep && !sync_failed_; }

  // REQUIRES: called once, after the last write. On error the final path is as it was before.
  absl::Status Commit();

 private:
  AtomicFolder(FileSystem& files, std::string path, Options options)
      : files_(files), path_(std::move(path)), part_(path_ + ".part"), options_(std::move(options)) {}

  absl::StatusOr<std::unique_ptr<WritableFile>> OpenOrCreate(const std::string& path);
  absl::Status RemoveOthers();
  absl::Status MoveToPath(bool replaces);

  FileSystem& files_;
  const std::string path_;
  const std::string part_;  // the temporary folder; no longer ours once committed_
  const Options options_;
  std::vector<std::unique_ptr<WritableFile>> open_;
  bool committed_ = false;
  bool keep_ = false;
  bool sync_failed_ = false;
};

}  // namespace nibble::io

#endif  // NIBBLE_FORMATS_IO_ATOMIC_FOLDER_H_
