using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using KhugepagedSpec.Cli.Text;

namespace KhugepagedSpec.Cli.Pictures;

/// <summary>The data of pages as JSON, with as few bytes as that takes.</summary>
[JsonSerializable(typeof(WalkPage))]
[JsonSerializable(typeof(DiffPage))]
[JsonSerializable(typeof(CheckPage))]
[JsonSerializable(typeof(ExplorePage))]
[JsonSerializable(typeof(ThreadsPage))]
[JsonSerializable(typeof(WhatIfJson))]
internal sealed partial class PageJson : JsonSerializerContext
{
    /// <summary>Without what is null; quotes and the like as they are.</summary>
    public static PageJson Compact { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
