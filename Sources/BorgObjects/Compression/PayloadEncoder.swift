/// Plain bytes to payloads (chunks.md section 3).
struct PayloadEncoder {
  let workspace: CodecWorkspace

  /// The payload of `plain`, after `reserved` bytes that the caller will fill.
  func payload(of plain: UnsafeRawBufferPointer, with compressor: Compressor, reserving reserved: Int) -> [UInt8] {
    if case .obfuscate(let spec, let inner) = compressor {
      return obfuscated(payload(of: plain, with: inner, reserving: 0), spec: spec, reserving: reserved)
    }
    let capacity = reserved + Self.bound(plain.count, compressor)
    return [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
      let room = UnsafeMutableRawBufferPointer(buffer)
      room[..<reserved].initializeMemory(as: UInt8.self, repeating: 0)
      count =
        reserved + encode(plain, with: compressor, into: UnsafeMutableRawBufferPointer(rebasing: room[reserved...]))
    }
  }

  private static func bound(_ count: Int, _ compressor: Compressor) -> Int {
    switch compressor {
    case .none, .lz4, .lzma, .zstd, .obfuscate: count + 2
    case .zlib: Zlib.bound(count)
    case .auto(let inner): max(count + 2, bound(count, inner))
    }
  }

  /// Writes the payload and returns its size. `target` has at least `bound` bytes.
  private func encode(
    _ plain: UnsafeRawBufferPointer, with compressor: Compressor, into target: UnsafeMutableRawBufferPointer
  ) -> Int {
    switch compressor {
    case .none: return storePlain(plain, into: target)
    case .lz4: return shrink(plain, 0x01, target) { LZ4.compress(plain, into: $0) }
    case .zstd(let level):
      return shrink(plain, 0x03, target) { workspace.zstd.compress(plain, into: $0, level: level) }
    case .lzma(let level):
      return shrink(plain, 0x02, target) { workspace.lzma.compress(plain, into: $0, level: level) }
    case .zlib(let level): return workspace.zlib.compress(plain, into: target, level: level)
    case .auto(let inner): return encodeWorthwhile(plain, inner, into: target)
    case .obfuscate: preconditionFailure("obfuscation wraps other methods and is never inside one")
    }
  }

  /// Stores plain what does not become smaller, the header not counted.
  private func shrink(
    _ plain: UnsafeRawBufferPointer, _ method: UInt8, _ target: UnsafeMutableRawBufferPointer,
    _ compress: (UnsafeMutableRawBufferPointer) -> Int?
  ) -> Int {
    guard plain.count > 1,
      let size = compress(UnsafeMutableRawBufferPointer(rebasing: target[2..<plain.count + 1]))
    else { return storePlain(plain, into: target) }
    target[0] = method
    target[1] = 0
    return size + 2
  }

  private func storePlain(_ plain: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> Int {
    target[0] = 0
    target[1] = 0
    UnsafeMutableRawBufferPointer(rebasing: target[2...]).copyMemory(from: plain)
    return plain.count + 2
  }

  /// `auto`: LZ4 tells whether the data can shrink at all; the dearer method must then win by a hundredth.
  private func encodeWorthwhile(
    _ plain: UnsafeRawBufferPointer, _ inner: Compressor, into target: UnsafeMutableRawBufferPointer
  ) -> Int {
    let trial = workspace.trial.room(plain.count + 2)
    let cheap = encode(plain, with: .lz4, into: trial)
    if Double(cheap) / Double(plain.count + 2) < 0.97 {
      // An auto inside auto would use the trial buffer again, so its result is looked at before anything is copied.
      let kept = isAuto(inner) ? Array(trial[..<cheap]) : nil
      let expensive = encode(plain, with: inner, into: target)
      if Double(expensive) / Double(cheap) < 0.99 { return expensive }
      if let kept {
        target.copyBytes(from: kept)
        return cheap
      }
    }
    target.copyMemory(from: UnsafeRawBufferPointer(rebasing: trial[..<cheap]))
    return cheap
  }

  private func isAuto(_ compressor: Compressor) -> Bool {
    if case .auto = compressor { true } else { false }
  }

  private func obfuscated(_ inner: [UInt8], spec: Int, reserving reserved: Int) -> [UInt8] {
    let extra = Obfuscation.padding(spec: spec, count: inner.count, random: Obfuscation.randomFraction())
    var object = [UInt8](repeating: 0, count: reserved)
    object.reserveCapacity(reserved + Obfuscation.prefixSize + inner.count + extra)
    object += [0x04, 0x00]
    withUnsafeBytes(of: UInt32(clamping: inner.count).bigEndian) { object.append(contentsOf: $0) }
    object += inner
    object.append(contentsOf: repeatElement(0, count: extra))
    return object
  }
}
