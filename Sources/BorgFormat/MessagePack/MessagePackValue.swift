/// Any msgpack value as Borg's old dialect knows it: text and bytes are one type, `raw`. Maps keep their order.
public enum MessagePackValue: Sendable, Equatable {
  case null
  case bool(Bool)
  case int(Int64)
  /// Only for numbers above Int64.max.
  case uint(UInt64)
  case float(Double)
  case raw([UInt8])
  case array([MessagePackValue])
  case map([Entry])

  public struct Entry: Sendable, Equatable {
    public var key: MessagePackValue
    public var value: MessagePackValue

    public init(key: MessagePackValue, value: MessagePackValue) {
      self.key = key
      self.value = value
    }
  }
}

extension MessagePackValue {
  /// Decodes exactly one value that fills `bytes`. Throws `FormatError`.
  public init(decoding bytes: [UInt8]) throws {
    self = try bytes.withUnsafeBytes { buffer in
      var reader = MessagePackReader(buffer)
      do throws(MessagePackReader.Failure) {
        let value = try reader.readValue()
        guard reader.isAtEnd else { throw .malformed("data goes on after its end") }
        return value
      } catch {
        throw error.formatError
      }
    }
  }

  public func encoded() -> [UInt8] {
    var writer = MessagePackWriter()
    writer.write(self)
    return writer.bytes
  }

  /// The value of text key `key` when this is a map that has it; the last of several, as Python reads them.
  public subscript(key: String) -> MessagePackValue? {
    guard case .map(let entries) = self else { return nil }
    let wanted = MessagePackValue.raw(Array(key.utf8))
    return entries.last { $0.key == wanted }?.value
  }

  public var rawValue: [UInt8]? {
    guard case .raw(let bytes) = self else { return nil }
    return bytes
  }

  public var intValue: Int64? {
    guard case .int(let value) = self else { return nil }
    return value
  }

  public var boolValue: Bool? {
    guard case .bool(let value) = self else { return nil }
    return value
  }

  public var arrayValue: [MessagePackValue]? {
    guard case .array(let elements) = self else { return nil }
    return elements
  }

  public var mapEntries: [Entry]? {
    guard case .map(let entries) = self else { return nil }
    return entries
  }
}
