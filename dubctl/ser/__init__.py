"""Speech emotion recogniser that judges dubs (`emo-acc`): TIM-Net, trained on acted speech the synthesizer never saw.

Evaluation only: nothing in `dubctl.emotion`, `dubctl.graph` or `dubctl.synth` may import this package (a test holds
it), or the judge would be heard in the voice it judges.
"""
