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
