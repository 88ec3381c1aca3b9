import BorgFormat

extension ItemSummary {
  /// Tells contents apart, in 48 bits: of what has chunks these, of anything else its type and target.
  var identity: UInt64 {
    var identity = contentHash
    if !hasChunks {
      identity = UInt64(mode & FileType.mask)
      for byte in source { identity = (identity ^ UInt64(byte)) &* 0x100_0000_01B3 }
    }
    return (identity ^ identity >> 48) & 0xFFFF_FFFF_FFFF
  }

  /// What is kept as its size: what stat tells, of a device its number. Of a symbolic link without a target it is the
  /// length that the target is known to have.
  var shownSize: Int64 {
    switch mode & FileType.mask {
    case FileType.regular: max(0, size)
    case FileType.symbolicLink: source.baseAddress == nil ? max(0, size) : Int64(source.count)
    case FileType.blockDevice, FileType.characterDevice: Int64(bitPattern: rdev)
    default: 0
    }
  }

  /// Whether an item is of a kind that is ever shown.
  var isOfShownType: Bool {
    switch mode & FileType.mask {
    case FileType.regular, FileType.directory, FileType.symbolicLink, FileType.fifo, FileType.blockDevice,
      FileType.characterDevice, FileType.socket:
      true
    default: false
    }
  }
}
