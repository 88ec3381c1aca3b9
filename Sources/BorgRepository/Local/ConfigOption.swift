import BorgFormat

/// The options that `borg config` sets, and what their values must be (repository.md 3.2).
public enum ConfigOption: String, Sendable, CaseIterable {
  case segmentsPerDirectory = "segments_per_dir"
  case lastSegmentChecked = "last_segment_checked"
  case maximumSegmentSize = "max_segment_size"
  case additionalFreeSpace = "additional_free_space"
  case storageQuota = "storage_quota"
  case appendOnly = "append_only"
  case id

  /// No repository opens without these.
  public var isNeeded: Bool { [.segmentsPerDirectory, .maximumSegmentSize, .id].contains(self) }

  /// Nil when the value may be set, else what is wrong with it.
  public func refusal(of value: String) -> String? {
    switch self {
    case .segmentsPerDirectory: return Int(value).map { $0 >= 1 } == true ? nil : "Invalid value"
    case .lastSegmentChecked: return Int(value) == nil ? "Invalid value" : nil
    case .appendOnly: return ["0", "1"].contains(value) ? nil : "Invalid value"
    case .id: return ChunkID(hex: value) == nil ? "Invalid value" : nil
    case .maximumSegmentSize, .additionalFreeSpace, .storageQuota: return refusal(ofSize: value)
    }
  }

  private func refusal(ofSize value: String) -> String? {
    guard let size = FileSize.parse(value) else { return "Invalid value" }
    if self == .maximumSegmentSize {
      let limit = RepositorySettings.segmentSizeLimit
      return size >= limit ? "Invalid value: \(rawValue) >= \(limit)" : nil
    }
    return size != 0 && size < 10_000_000 ? "Invalid value: \(rawValue) < 10M" : nil
  }
}
