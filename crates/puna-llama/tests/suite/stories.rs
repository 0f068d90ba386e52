//! A published model: stories260K tells the story its users know.

use puna_compute::WeightFormat;
use puna_llama::{
    Decoder, Finish, GenerateOptions, Model, SamplingOptions, check_tokenizer, generate,
};
use puna_needs::shared_data;
use puna_text::Tokenizer;

#[test]
fn stories260k_tells_its_story() {
    let Some(data) = shared_data("models/stories260K") else {
        return;
    };
    let bin = data.join("model/stories260K.bin");
    // The file quotes, in brackets, what the model says at temperature 0 when told "Zoo".
    let notes = std::fs::read_to_string(data.join("STORY.txt")).unwrap();
    let start = notes.find("[Zoo was").unwrap() + 1;
    let story = &notes[start..start + notes[start..].find(']').unwrap()];

    let model = Model::load_any(&bin).unwrap();
    let tokenizer = Tokenizer::load(&data.join("tok512.bin")).unwrap();
    check_tokenizer(&model.config, &tokenizer).unwrap();
    let prompt = [vec![tokenizer.bos()], tokenizer.encode("Zoo")].concat();
    assert_eq!(
        prompt.len(),
        4,
        "the notes say that the prompt has four tokens"
    );
    let options = GenerateOptions {
        max_tokens: 120,
        sampling: SamplingOptions::greedy(),
        ..GenerateOptions::default()
    };
    on_every_device!(make => {
        let (config, params) = (&model.config, &model.params);
        for format in [WeightFormat::Training, WeightFormat::F32, WeightFormat::Bf16] {
            let mut decoder = Decoder::new(make(), config, params, format, 1, 128).unwrap();
            let out = generate(&mut decoder, &tokenizer, std::slice::from_ref(&prompt), &options, None).unwrap();
            assert_eq!(out[0].finish, Finish::Length);
            let text = format!("Zoo{}", out[0].text);
            if format != WeightFormat::Bf16 {
                assert!(text.starts_with(story), "{text}");
            } else {
                assert!(text.starts_with("Zoo was a little girl named Lily."), "{text}");
            }
        }
    });
    let q8 = data.join("model/stories260K-q8.bin");
    let message = Model::load_any(&q8).err().unwrap().to_string();
    assert!(message.contains("later version"), "{message}");
}
