import { describe, expect, it } from "vitest";
import { ago, bytes, count, csvCell, digest, duration, percent, plain, short } from "../../src/format";

describe("numbers", () => {
  it("writes counts and shares as the design says", () => {
    expect(count(214380)).toBe("214,380");
    expect(count(-3)).toBe("\u22123");
    expect(percent(0, 10)).toBe("0\u00a0%");
    expect(percent(10, 10)).toBe("100\u00a0%");
    expect(percent(999_999, 1_000_000)).toBe("99.9\u00a0%");
    expect(percent(1, 1_000_000)).toBe("<0.01\u00a0%");
    expect(percent(518, 214_380)).toBe("0.24\u00a0%");
    expect(percent(1, 3)).toBe("33.3\u00a0%");
    expect(percent(1, 0)).toBe("0\u00a0%");
    expect(short(80_000)).toBe("80\u00a0k");
    expect(bytes(1023)).toBe("1,023\u00a0B");
    expect(bytes(271_360)).toBe("265.0\u00a0KiB");
  });
  it("writes times", () => {
    expect(duration(45_000)).toBe("45\u00a0s");
    expect(duration(11_400_000)).toBe("3\u00a0h 10\u00a0min");
    const now = Date.UTC(2026, 10, 20, 12);
    expect(ago(now - 4 * 60_000, now)).toBe("4\u00a0min ago");
    expect(ago(now - 3 * 86400_000 - 5, now)).toBe("3\u00a0d ago");
    expect(ago(now - 9 * 86400_000, now)).toMatch(/11 Nov/);
    expect(ago(now + 3600_000, now)).toBe("in 1\u00a0h");
  });
});

describe("strings of strangers", () => {
  it("shows what is invisible", () => {
    expect(plain("a\u202eb\u0000c")).toBe("a\\u202eb\\u0000c");
    expect(plain("Grüße, 東京")).toBe("Grüße, 東京");
  });
  it("makes no formula of a cell", () => {
    expect(csvCell('=cmd|"x"')).toBe('"\'=cmd|""x"""');
    expect(csvCell("-1")).toBe('"\'-1"');
    expect(csvCell("door-1")).toBe('"door-1"');
    expect(csvCell("a\r\n=b")).toBe('"a\\u000d\\u000a=b"');
  });
  it("shortens digests only when there is something to leave out", () => {
    expect(digest("ab".repeat(32))).toBe("abababab…abab");
    expect(digest("abcdef")).toBe("abcdef");
  });
});
